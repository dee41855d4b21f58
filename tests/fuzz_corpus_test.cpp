#include <gtest/gtest.h>

#include "fuzz/targets.hpp"
#include "support.hpp"

namespace magnu {
namespace fuzz {

void PrintTo(const Target& target, std::ostream* out) {
  *out << target.name;
}

}  // namespace fuzz
namespace {

namespace fs = std::filesystem;

class FuzzCorpus : public testing::TestWithParam<fuzz::Target> {};

/// What fuzzers found once, and what they start from. A target aborts, or throws, where its reader
/// does what it must not.
TEST_P(FuzzCorpus, IsReadAsItShould) {
  std::size_t files = 0;
  for (const auto& entry :
       fs::directory_iterator(test::source_dir / "tests/fuzz/corpus" / GetParam().name)) {
    SCOPED_TRACE(entry.path().string());
    EXPECT_NO_THROW(GetParam().run(test::read_text(entry.path()))) << entry.path();
    ++files;
  }
  EXPECT_GT(files, 0u);
}

INSTANTIATE_TEST_SUITE_P(Targets, FuzzCorpus, testing::ValuesIn(fuzz::targets),
                         [](const auto& target) { return std::string(target.param.name); });

}  // namespace
}  // namespace magnu
