"""README.md says which row stands for which published attack: every row that it names exists, and every row of the tables is named."""
import pathlib
import re
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
import classes
import published


def rows(module):
    """The names of all rows of all tables of a module."""
    tables = [value for value in vars(module).values() if isinstance(value, list) and value and isinstance(value[0], tuple)]
    return {row[0] for table in tables for row in table}


def named():
    """{line: the rows that it names}, of each line of the tables under "Where each comes from"."""
    text = (HERE / "README.md").read_text().partition("## Where each comes from")[2]
    lines = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", text, re.MULTILINE)
    return {source: re.findall(r"`([^`]+)`", cell) for source, cell in lines if source != "source" and not set(source) <= set("-")}


class Coverage(unittest.TestCase):
    def test_every_row_that_is_named_exists(self):
        written = rows(classes) | rows(published)
        tests = set(re.findall(r"def (test_\w+)\(", "".join(path.read_text() for path in HERE.glob("*.py"))))
        for source, names in named().items():
            for name in names:
                with self.subTest(source, name=name):
                    self.assertIn(name, tests if name.startswith("test_") else written)

    def test_every_row_is_named(self):
        listed = {name for names in named().values() for name in names}
        self.assertEqual(sorted((rows(classes) | rows(published)) - listed), [])

    def test_a_line_without_a_row_says_why(self):
        without = [source for source, names in named().items() if not names]
        self.assertEqual(without, ["GHSA-x843", "GHSA-pc6j", "cpython #141749"])
        self.assertGreater(len(named()), 75)


if __name__ == "__main__":
    unittest.main(verbosity=2)
