// SPDX-License-Identifier: Apache-2.0
#include "worker/loop/flights.h"

#include <array>
#include <catch2/catch.hpp>
#include <utility>
#include <vector>

#include "scoreboard/page.h"
#include "worker/wire/settings.h"

using namespace monodon;
using worker::Connection;
using worker::News;
using worker::OpenFlight;

namespace {

struct NoFinisher final : worker::Exchange::Finisher {
  bool watch_output(Connection& /*c*/) override { return false; }
};

struct Sky {
  scoreboard::WorkerPage page{1};
  worker::Exchange::Config config;
  NoFinisher nobody;
  worker::EventSet events{1};
  worker::Settings settings;
  std::array<Connection, 3> connections{Connection{settings}, Connection{settings},
                                        Connection{settings}};
  worker::Flights flights{0, page.row(0), config, nobody, events};

  std::vector<std::pair<OpenFlight*, News>> delivered() {
    std::vector<std::pair<OpenFlight*, News>> all;
    flights.deliver(
        [&](OpenFlight& flight, News news) { all.emplace_back(&flight, news); });
    return all;
  }
};

}  // namespace

TEST_CASE("the oldest request in the air is known, whichever ends first", "[flights]") {
  Sky sky;
  CHECK(sky.flights.oldest() == nullptr);
  OpenFlight* one = sky.flights.take(sky.connections[0]);
  OpenFlight* two = sky.flights.take(sky.connections[1]);
  OpenFlight* three = sky.flights.take(sky.connections[2]);
  CHECK(sky.connections[1].flight == two);
  sky.flights.give(*two);
  CHECK(sky.connections[1].flight == nullptr);
  CHECK(sky.flights.oldest() == one);
  sky.flights.give(*one);
  CHECK(sky.flights.oldest() == three);
  sky.flights.give(*three);
  CHECK(sky.flights.oldest() == nullptr);
}

TEST_CASE("news is delivered once, and to the request that it is for", "[flights]") {
  Sky sky;
  OpenFlight* one = sky.flights.take(sky.connections[0]);
  sky.flights.post(*one, one->serial, News::client_gone);
  CHECK(sky.delivered() == std::vector{std::pair{one, News::client_gone}});
  CHECK(sky.delivered().empty());

  sky.flights.post(*one, one->serial, News::deadline);
  sky.flights.give(*one);
  OpenFlight* next = sky.flights.take(sky.connections[1]);
  REQUIRE(next == one);  // the same object, for another request
  CHECK(sky.delivered().empty());
}

TEST_CASE("a flight lands once its application is done with it", "[flights]") {
  Sky sky;
  std::vector<OpenFlight*> all;
  for (int i = 0; i < 100; ++i) {  // more than are made at once
    all.push_back(sky.flights.take(sky.connections[0]));
    REQUIRE(all.back() != nullptr);
  }
  std::size_t objects = 0;
  sky.flights.each([&](OpenFlight& /*flight*/) { ++objects; });
  CHECK(objects >= 100);
  CHECK_FALSE(sky.flights.any_to_land());
  all[7]->done();
  all[3]->done();
  std::size_t landed = 0;
  sky.flights.land([&](OpenFlight& flight) {
    ++landed;
    sky.flights.give(flight);
  });
  CHECK(landed == 2);
  CHECK_FALSE(sky.flights.any_to_land());
}
