// Data findings: what in the data of a checkpoint makes tools that read it later import, evaluate or run something,
// though the checkpoint itself asks for no call. Notes, which change no verdict: a configuration that names a class is
// nothing bad, and who opens it in Hydra, transformers or ultralytics should know what it will do.
#pragma once

#include "sandbox/formats/checkpoint.h"
#include "sandbox/formats/zip_directory.h"

namespace airlock::formats {

// Adds notes for keys and values of what the root reaches, with their path in it. Linear in the graph, no recursion.
void NoteDataThatExecutes(Checkpoint& checkpoint);

// Adds notes for members that are programs or libraries, whatever reads the archive. Code of TorchScript is none of
// them.
void NotePrograms(const ZipDirectory& directory, pickle::Context& context);

}  // namespace airlock::formats
