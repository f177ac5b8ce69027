// SPDX-License-Identifier: Apache-2.0
// The configuration file, read with the line of each key.
#include "master/config/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "master/config/table.h"
#include "master/config/value.h"

namespace monodon::master {
namespace {

class Reader {
 public:
  Reader(std::string_view file, Settings& settings, Origins& origins)
      : file_{file}, settings_{settings}, origins_{origins} {}

  void read(const std::string& text) {
    try {
      const std::vector<YAML::Node> documents = YAML::LoadAll(text);
      if (documents.empty() || documents.front().IsNull()) return;
      if (documents.size() > 1) {
        problem(documents[1].Mark(), "", "a second document; only one is allowed");
      }
      root(documents.front());
    } catch (const YAML::Exception& e) {
      problem(e.mark, "", "not YAML: " + e.msg);
    }
  }

  std::vector<std::string> take_problems() { return std::move(problems_); }

 private:
  std::string place(const YAML::Mark& mark) const {
    if (mark.is_null()) return file_;
    return fmt::format("{}:{}:{}", file_, mark.line + 1, mark.column + 1);
  }

  void problem(const YAML::Mark& mark, std::string_view key, std::string_view what) {
    problems_.push_back(key.empty()
                            ? fmt::format("{}: {}", place(mark), what)
                            : fmt::format("{}: {}: {}", place(mark), key, what));
  }

  void root(const YAML::Node& node) {
    if (!node.IsMap()) {
      problem(node.Mark(), "", "must be settings, a line each: \"workers: 3\"");
      return;
    }
    for (const auto& entry : node) {
      if (entry.first.IsScalar()) {
        setting(entry.first, entry.second);
      } else {
        problem(entry.first.Mark(), "", "is not the name of a setting");
      }
    }
  }

  void setting(const YAML::Node& name, const YAML::Node& value) {
    const std::string& key = name.Scalar();
    const Setting* const found = find_setting(key);
    if (found == nullptr) {
      const std::string_view nearest = nearest_key(key);
      problem(name.Mark(), key,
              nearest.empty()
                  ? "unknown setting"
                  : fmt::format("unknown setting; did you mean {}?", nearest));
      return;
    }
    const auto [origin, first] = origins_.try_emplace(key, place(name.Mark()));
    if (!first) {
      problem(name.Mark(), key, "is set a second time; first at " + origin->second);
      return;
    }
    const std::string wrong =
        found->kind == Kind::list ? list(*found, value) : scalar(*found, value);
    if (!wrong.empty()) {
      problem(value.IsNull() ? name.Mark() : value.Mark(), key, wrong);
    }
  }

  std::string scalar(const Setting& setting, const YAML::Node& value) {
    if (value.IsNull()) return "has no value; write \"\" for none";
    if (!value.IsScalar()) return "must be one value: " + describe_type(setting);
    return set_scalar(setting, value.Scalar(), settings_);
  }

  std::string list(const Setting& setting, const YAML::Node& value) {
    if (value.IsNull()) return "has no value; write [] for an empty list";
    if (value.IsScalar()) {
      return set_list(setting, split_list(setting, {&value.Scalar(), 1}), settings_);
    }
    std::vector<std::string> items;
    for (const auto& entry : value) {
      // A mapping is for "NAME=value" lists: environment: {NAME: value}.
      const bool pair = value.IsMap();
      const YAML::Node& item = pair ? entry.second : entry;
      if (!item.IsScalar() || (pair && !entry.first.IsScalar())) {
        return "must be a list of texts";
      }
      items.push_back(pair ? entry.first.Scalar() + "=" + item.Scalar()
                           : item.Scalar());
    }
    if (value.IsMap() && setting.key != "environment" && setting.key != "static" &&
        setting.key != "secure_scheme_headers") {
      return "must be a list, not a mapping";
    }
    return set_list(setting, std::move(items), settings_);
  }

  std::string file_;
  Settings& settings_;
  Origins& origins_;
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> apply_yaml(const std::string& text, std::string_view file,
                                    Settings& settings, Origins& origins) {
  Reader reader{file, settings, origins};
  reader.read(text);
  return reader.take_problems();
}

}  // namespace monodon::master
