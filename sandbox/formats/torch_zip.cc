#include "sandbox/formats/torch_zip.h"

#include "sandbox/formats/torch_archive.h"

namespace airlock::formats {

Result<void> DecodeTorchZip(const Input& input, Output& output, Checkpoint& checkpoint, const ZipDirectory& directory) {
  TorchArchive archive(input, output, checkpoint, directory);
  AIRLOCK_TRY(archive.Check({}));
  AIRLOCK_ASSIGN(checkpoint.root, archive.Decode("data.pkl", "data"));
  archive.NoteStrangers({});
  return {};
}

}  // namespace airlock::formats
