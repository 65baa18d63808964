"""Attack files of others: none of them is ever called clean. They are never opened by anything but Airlock."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import airlock

# Harmless files among them: may be anything but a failure of ours.
HARMLESS = ("benign", "new_pytorch_model", "pytorch_model", "not_a_pickle", "broken_model")


def main():
    folder = airlock.CORPUS / "attacks" / "picklescan"
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    if not files:
        airlock.skip(f"no corpus of attacks at {folder} (set AIRLOCK_CORPUS)")
    wrong = 0
    with airlock.Daemon() as daemon:
        for path in files:
            code, report = airlock.report("--address", daemon.address, "inspect", path)
            harmless = path.name.startswith(HARMLESS)
            good = code in (0, 1, 2) if harmless else code in (1, 2)
            wrong += not good
            print(f"{'ok' if good else 'WRONG'}: {path.name}: {report['verdict']} (exit {code})")
        wrong += not daemon.alive()
    sys.exit(1 if wrong else 0)


main()
