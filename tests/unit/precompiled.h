// SPDX-License-Identifier: Apache-2.0
// What nearly every unit test includes, compiled once: a quarter off their building.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>
