#include "magnu/scan/processes.hpp"

#include "magnu/core/error.hpp"

namespace magnu {

std::vector<std::string> process_names() {
  std::vector<std::string> names;
  Processes::for_each([&](auto type) { names.emplace_back(decltype(type)::type::name); });
  return names;
}

ProcessFacts process_facts(const std::string& channel) {
  ProcessFacts facts;
  std::string known;
  Processes::for_each([&](auto type) {
    using Process = typename decltype(type)::type;
    known += (known.empty() ? "" : ", ") + std::string(Process::name);
    if (Process::name == channel)
      facts = {channel, Process::defaults, Process::electron_recoils, &Process::kinematic_mass};
  });
  if (facts.name.empty())
    throw InputError({"", 0, "channel", channel}, "unknown name", "known: " + known);
  return facts;
}

}  // namespace magnu
