// Prints the tensors of a checkpoint, and the first byte of each.
#include <cstdio>
#include <string>

#include "airlock/client.h"
#include "airlock/words.h"

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  const auto client = airlock::Client::Private();
  if (!client.ok()) {
    fprintf(stderr, "%s\n", client.error().message.c_str());
    return client.error().exit_code;
  }
  const auto checkpoint = client->Load(airlock::Source::File(argv[1]));
  if (!checkpoint.ok()) {
    // A message may quote the file: a program that shows it on a terminal escapes it first.
    fprintf(stderr, "%s\n", checkpoint.error().reason_name().c_str());
    return checkpoint.error().exit_code;
  }
  for (const airlock::NamedTensor& entry : checkpoint->contents().entries()) {
    const airlock::Tensor tensor = checkpoint->tensor(entry.tensor);
    const bool empty = tensor.storage->bytes().empty();
    printf("%.*s %s %02x\n", static_cast<int>(entry.name.size()), entry.name.data(),
           airlock::Word(tensor.dtype).c_str(), empty ? 0U : std::to_integer<unsigned>(*tensor.data));
  }
  return 0;
}
