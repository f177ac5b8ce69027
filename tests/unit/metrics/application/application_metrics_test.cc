// SPDX-License-Identifier: Apache-2.0
#include "metrics/application/application_metrics.h"

#include <sys/mman.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <random>
#include <regex>
#include <sstream>
#include <string>

#include "metrics/application/application_region.h"
#include "metrics/exposition/exposition.h"

using namespace monodon;
using namespace monodon::metrics;

namespace {

class Region {
 public:
  Region() : fd_{::memfd_create("region", MFD_CLOEXEC)} {
    REQUIRE(::ftruncate(fd_.get(), static_cast<off_t>(kRegionSize)) == 0);
    write(0, kRegionMagic);
  }
  template <typename T>
  void write(std::size_t at, const T& value) {
    REQUIRE(::pwrite(fd_.get(), &value, sizeof value, static_cast<off_t>(at)) ==
            static_cast<ssize_t>(sizeof value));
  }
  void entry(const std::string& key) {
    const std::size_t at = kRegionHeader + used_ * kRegionEntrySize;
    REQUIRE(::pwrite(fd_.get(), key.data(), key.size(), static_cast<off_t>(at + 8)) >
            0);
    write(at, static_cast<std::uint32_t>(key.size()));
    write(8, ++used_);
  }
  // Of the newest entry.
  void cell(std::size_t slot, double value, std::uint64_t pid, double time = 0) {
    const std::size_t at =
        kRegionColumns + slot * kRegionColumnSize + (used_ - 1) * kRegionCellSize;
    write(at, value);
    write(at + 8, time);
    write(at + 16, pid);
  }
  [[nodiscard]] UniqueFd copy() const { return UniqueFd{::dup(fd_.get())}; }
  [[nodiscard]] std::string text() const {
    Exposition shown;
    shown.append(ApplicationMetrics{copy()}.read(kPids));
    return std::move(shown).text();
  }
  [[nodiscard]] bool shows(const std::string& line) const {
    return text().find("\n" + line + "\n") != std::string::npos;
  }

 private:
  static constexpr std::uint32_t kPids[] = {11, 22, 0};
  UniqueFd fd_;
  std::uint64_t used_ = 0;
};

std::string gauge(const std::string& mode) {
  return R"(["gauge",")" + mode + R"(","g","g",{},"h"])";
}

}  // namespace

TEST_CASE("counters of all workers, dead ones as well, are added up", "[application]") {
  Region region;
  region.entry(R"(["counter","","hits","hits_total",{"a":"b"},"Hits"])");
  region.cell(0, 2, 11);
  region.cell(1, 3, 21);
  region.cell(2, 4, 33);
  CHECK(region.shows("hits_total{a=\"b\"} 9"));
  CHECK(region.shows("# TYPE hits_total counter"));
}

TEST_CASE("a scrape has a size whatever the application writes", "[application]") {
  Region region;
  const std::string filler(800, 'x');
  std::vector<std::uint32_t> pids(kRegionSlots, 0);
  constexpr std::size_t kSeries = 200;
  for (std::size_t i = 0; i < kSeries; ++i) {
    region.entry(R"(["gauge","all","g)" + std::to_string(i) + R"(","g)" +
                 std::to_string(i) + R"(",{"a":")" + filler + R"("},"h"])");
    for (std::size_t slot = 0; slot < kRegionSlots; ++slot)
      region.cell(slot, 1, slot + 9);
  }
  ApplicationMetrics metrics{region.copy()};
  const auto first = metrics.read(pids);
  const auto left_out = metrics.left_out();
  std::size_t shown = 0;
  for (const auto& family : first) shown += family.metric.size();
  CHECK(shown <= ApplicationMetrics::kMostBytes / filler.size());
  CHECK(shown > 1000);
  CHECK(shown + left_out == kSeries * kRegionSlots);
  (void)metrics.read(pids);
  CHECK(metrics.left_out() == left_out);
}

TEST_CASE("a help of more than one line does not break the others", "[application]") {
  Region region;
  region.entry(R"(["counter","","hits","hits_total",{"a":"x\ny\"z\\"},"One\ntwo \\"])");
  region.cell(0, 2, 11);
  CHECK(region.text() ==
        "# HELP hits_total One\\ntwo \\\\\n# TYPE hits_total counter\n"
        "hits_total{a=\"x\\ny\\\"z\\\\\"} 2\n");
}

TEST_CASE("gauges are merged as their mode says", "[application]") {
  const auto [mode, line] =
      GENERATE(table<std::string, std::string>({{"sum", "g 12"},
                                                {"livesum", "g 3"},
                                                {"min", "g 1"},
                                                {"livemin", "g 1"},
                                                {"max", "g 9"},
                                                {"livemax", "g 2"},
                                                {"mostrecent", "g 9"},
                                                {"livemostrecent", "g 1"},
                                                {"all", "g{pid=\"33\"} 9"},
                                                {"liveall", "g{pid=\"11\"} 1"}}));
  Region region;
  region.entry(gauge(mode));
  region.cell(0, 1, 11, 200);
  region.cell(1, 2, 22, 100);
  region.cell(2, 9, 33, 300);
  INFO(mode << "\n" << region.text());
  CHECK(region.shows(line));
  if (mode == "liveall") CHECK_FALSE(region.shows("g{pid=\"33\"} 9"));
}

TEST_CASE("histograms and summaries are put together", "[application]") {
  Region region;
  region.entry(R"(["histogram","","t","t_bucket",{"le":"0.5"},"h"])");
  region.cell(0, 2, 11);
  region.entry(R"(["histogram","","t","t_bucket",{"le":"+Inf"},"h"])");
  region.cell(1, 3, 22);
  region.entry(R"(["histogram","","t","t_sum",{},"h"])");
  region.cell(1, 7.5, 22);
  region.entry(R"(["summary","","s","s_count",{},"h"])");
  region.cell(0, 4, 11);
  CHECK(region.shows("t_bucket{le=\"0.5\"} 2"));
  CHECK(region.shows("t_bucket{le=\"+Inf\"} 5"));
  CHECK(region.shows("t_sum 7.5"));
  CHECK(region.shows("t_count 5"));
  CHECK(region.shows("s_count 4"));
}

// Prometheus' text format: comments, and samples with a name, labels and a number.
bool is_exposition(const std::string& text) {
  static const std::regex line{
      R"re(# (HELP|TYPE) [a-zA-Z_:][a-zA-Z0-9_:]*( .*)?)re"
      R"re(|[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\.)*",?)*\})?)re"
      R"re( [-+]?([0-9.eE+-]+|Inf|NaN))re"};
  std::istringstream lines{text};
  for (std::string one; std::getline(lines, one);)
    if (!one.empty() && !std::regex_match(one, line)) return false;
  return true;
}

TEST_CASE("what makes no sense is left out", "[application]") {
  const auto* const key = GENERATE(
      "nonsense", "[]", R"(["counter","","x","x_total",{},7])",
      R"(["counter","","x","y_total",{},""])", R"(["counter","","x","x",{},""])",
      R"(["counter","","monodon_x","monodon_x_total",{},""])",
      R"(["counter","","x\n","x\n_total",{},""])", R"(["gauge","odd","x","x",{},""])",
      R"(["counter","","x","x_total",{"a b":"c"},""])", "[[[[[[[[[[[[[[[[[[",
      R"(["histogram","","x","x_bucket",{"le":"nan"},""])", "[\"\xff\xfe\"]");
  Region region;
  region.entry(key);
  region.cell(0, 1, 11);
  CHECK(region.text().find("\nx") == std::string::npos);
  CHECK(region.text().find("monodon_x") == std::string::npos);
}

TEST_CASE("a count that is none does not spoil the others", "[application]") {
  Region region;
  region.entry(R"(["counter","","hits","hits_total",{},"Hits"])");
  region.cell(0, 2, 11);
  region.cell(1, GENERATE(-1.0, std::numeric_limits<double>::quiet_NaN(), 1e300), 22);
  CHECK(region.shows("hits_total 2"));
}

TEST_CASE("random bytes anywhere are survived", "[application]") {
  std::mt19937_64 random{20240611};
  for (int run = 0; run < 300; ++run) {
    Region region;
    region.entry(gauge("all"));
    region.entry(R"(["histogram","","t","t_bucket",{"le":"0.5"},"h"])");
    region.cell(0, 1, 11);
    for (int i = 0; i < 40; ++i) {
      const std::size_t places[] = {
          8 + random() % 16, kRegionHeader + random() % (2 * kRegionEntrySize),
          kRegionHeader + 8 + random() % 60, kRegionColumns + random() % 48};
      const std::size_t first = i < 36 ? 1 : 0;  // the number of entries seldom
      region.write(places[first + random() % (4 - first)],
                   static_cast<unsigned char>(random()));
    }
    const std::string text = region.text();
    CHECK(is_exposition(text));
    CHECK(text.size() < 64 * 1024);  // of the two entries that there are
  }
}

TEST_CASE("a region that is none shows nothing", "[application]") {
  Region region;
  region.entry(gauge("sum"));
  region.cell(0, 1, 11);
  region.write(0, std::uint64_t{0});
  CHECK(region.text().empty());
}
