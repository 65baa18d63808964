// airlock-attack-table: which walls stop which attack, each of them alone, as the tables of the documentation.
//
//   airlock-attack-table deeds|calls
#include <cstdio>
#include <string>
#include <string_view>

#include "tests/hostile/attack.h"
#include "tests/hostile/attack_layers.h"

namespace airlock::hostile {
namespace {

// A namespace has its mark where it adds something to the user namespace, which it cannot be without.
bool HasMark(const WallColumn& column, uint64_t alone) {
  const bool by_user_namespace = (column.raised & ~column.layer & alone) != 0;
  return (alone & column.layer) != 0 && !by_user_namespace;
}

void PrintHead() {
  std::string head = "| attempt | act |";
  std::string line = "|---|---|";
  for (const WallColumn& column : kWallColumns) {
    head += " " + std::string(column.heading) + " |";
    line += ":-:|";
  }
  std::puts(head.c_str());
  std::puts(line.c_str());
}

void PrintRow(std::string_view battery, std::string_view name, uint32_t id) {
  std::string row = "| " + std::string(battery) + " | " + std::string(name) + " |";
  for (const WallColumn& column : kWallColumns) row += HasMark(column, LayersThatStop(id)) ? " x |" : "  |";
  std::puts(row.c_str());
}

int Main(std::string_view which) {
  if (which != "deeds" && which != "calls") return 64;
  PrintHead();
  if (which == "calls") {
    for (const SyscallAttack& row : kSyscallAttacks) PrintRow(row.battery, row.name, row.id);
    return 0;
  }
  for (const DeedRow& row : kDeedRows) {
    const std::string name = std::string(row.name) + (row.single.empty() ? "" : " (" + std::string(row.single) + ")");
    PrintRow(row.battery, name, row.id);
  }
  return 0;
}

}  // namespace
}  // namespace airlock::hostile

int main(int argc, char** argv) { return airlock::hostile::Main(argc == 2 ? argv[1] : ""); }
