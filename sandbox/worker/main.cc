// airlock-worker: the only program that interprets the bytes of a checkpoint. Also the spawner, under another role.
#include "sandbox/worker/decode_job.h"
#include "sandbox/worker/program.h"

int main(int argc, char** argv) { return airlock::worker::RunProgram(argc, argv, airlock::worker::DecodeJob); }
