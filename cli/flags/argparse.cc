// SPDX-License-Identifier: Apache-2.0
// A line of flags as Python's argparse reads it, for CLI11.
#include "cli/flags/argparse.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "master/config/gunicorn_flags.h"

namespace monodon::cli {
namespace {

// A word that begins like a flag: which one it is, and the value that is in it.
struct Found {
  std::string name;  // "--timeout"; empty: no flag that we know
  bool takes_value = false;
  std::optional<std::string> value;
};

bool is_negative_number(std::string_view word) {
  const std::string_view rest = word.substr(1);
  return !rest.empty() &&
         rest.find_first_not_of("0123456789.") == std::string_view::npos;
}

class Reader {
 public:
  explicit Reader(const CLI::App& app) {
    for (const CLI::Option* option : app.get_options({})) {
      const bool takes_value = option->get_items_expected_max() != 0;
      for (const std::string& name : option->get_lnames()) {
        flags_.emplace("--" + name, Flag{"--" + name, takes_value});
      }
      for (const std::string& name : option->get_snames()) {
        const bool only = option->get_lnames().empty();
        flags_.emplace(
            "-" + name,
            Flag{only ? "-" + name : "--" + option->get_lnames().front(), takes_value});
      }
    }
  }

  Result<ArgparseLine> read(const std::vector<std::string>& words) {
    for (std::size_t i = 0; i < words.size(); ++i) {
      const std::string& word = words[i];
      if (word == "--") {
        for (++i; i < words.size(); ++i) argument(words[i]);
        break;
      }
      if (!looks_like_flag(word)) {
        argument(word);
        continue;
      }
      in_arguments_ = false;
      if (!flag(words, i)) return Error{problem_};
    }
    return finish();
  }

 private:
  struct Flag {
    std::string name;
    bool takes_value = false;
  };

  // As argparse tells flags from values: a known one in any case; else what has a
  // blank in it, and a negative number, are values.
  bool looks_like_flag(const std::string& word) const {
    if (word.size() < 2 || word.front() != '-') return false;
    const std::string head = word.substr(0, word.find('='));
    if (flags_.count(word) != 0 || flags_.count(head) != 0) return true;
    if (word[1] != '-' && flags_.count(word.substr(0, 2)) != 0) return true;
    if (word.starts_with("--") && !candidates(head).empty()) return true;
    return !is_negative_number(word) && word.find(' ') == std::string::npos;
  }

  std::vector<std::string> candidates(const std::string& start) const {
    std::vector<std::string> theirs;
    std::vector<std::string> ours;
    for (auto at = flags_.lower_bound(start);
         at != flags_.end() && at->first.starts_with(start); ++at) {
      (master::is_gunicorn_flag(at->first) ? theirs : ours).push_back(at->first);
    }
    return theirs.empty() ? ours : theirs;
  }

  // One word, which is a flag or a row of short ones ("-Rw3").
  bool flag(const std::vector<std::string>& words, std::size_t& i) {
    std::string word = words[i];
    if (word.starts_with("--")) return long_flag(word, words, i);
    while (true) {
      const auto known = flags_.find(word.substr(0, 2));
      if (known == flags_.end()) {
        unknown_ = true;
        line_.words.push_back(word);
        return true;
      }
      std::optional<std::string> rest;
      if (word.size() > 2) rest = word.substr(word[2] == '=' ? 3 : 2);
      if (known->second.takes_value) return give(known->second, rest, words, i);
      line_.words.push_back(known->second.name);
      if (!rest) return true;
      word = "-" + *rest;
    }
  }

  bool long_flag(const std::string& word, const std::vector<std::string>& words,
                 std::size_t& i) {
    const std::size_t equals = word.find('=');
    const std::string head = word.substr(0, equals);
    auto known = flags_.find(head);
    if (known == flags_.end()) {
      const std::vector<std::string> meant = candidates(head);
      if (meant.size() > 1) {
        problem_ = fmt::format("{}: is short for more than one flag: {}", head,
                               fmt::join(meant, ", "));
        return false;
      }
      if (meant.empty()) {
        unknown_ = true;
        line_.words.push_back(word);
        return true;
      }
      known = flags_.find(meant.front());
    }
    std::optional<std::string> value;
    if (equals != std::string::npos) value = word.substr(equals + 1);
    if (known->second.takes_value) return give(known->second, value, words, i);
    line_.words.push_back(known->second.name + (value ? "=" + *value : ""));
    return true;
  }

  bool give(const Flag& flag, std::optional<std::string> value,
            const std::vector<std::string>& words, std::size_t& i) {
    if (!value) {
      const bool is_there = i + 1 < words.size() && words[i + 1] != "--" &&
                            !looks_like_flag(words[i + 1]);
      if (!is_there && flag.name == "--proxy-protocol") {
        line_.words.push_back(flag.name +
                              "=auto");  // the one whose value may be left out
        return true;
      }
      if (!is_there) {
        const bool dash = i + 1 < words.size() && words[i + 1] != "--";
        problem_ = fmt::format("{}: needs a value{}", flag.name,
                               dash ? fmt::format("; one that begins with a dash is "
                                                  "written {}={}",
                                                  flag.name, words[i + 1])
                                    : "");
        return false;
      }
      value = words[++i];
    }
    // CLI11 takes the next word for the value where nothing follows the "=".
    if (value->empty()) {
      line_.words.push_back(flag.name);
      line_.words.emplace_back();
    } else {
      line_.words.push_back(flag.name + "=" + *value);
    }
    return true;
  }

  // Gunicorn takes the first word for the application and leaves out those right after
  // it: a quoted variable that is empty, mostly. Words elsewhere are errors.
  void argument(const std::string& word) {
    if (!application_) {
      application_ = word;
      in_arguments_ = true;
      line_.words.push_back(word);
    } else if (!in_arguments_) {
      astray_.push_back(word);
    } else if (!word.empty()) {
      line_.notes.push_back(
          fmt::format("{}: is ignored; only one application can be given", word));
    }
  }

  Result<ArgparseLine> finish() {
    // What is astray may be the value of a flag that is unknown: tell that one.
    if (!astray_.empty() && !unknown_) {
      return Error{fmt::format("{}: only one application can be given", astray_[0])};
    }
    if (application_ && application_->starts_with('-')) {
      return Error{fmt::format("{}: is no application", *application_)};
    }
    return std::move(line_);
  }

  std::map<std::string, Flag> flags_;  // by each name with its dashes
  ArgparseLine line_;
  std::optional<std::string> application_;
  std::vector<std::string> astray_;
  std::string problem_;
  bool in_arguments_ = false;
  bool unknown_ = false;
};

}  // namespace

Result<ArgparseLine> read_like_argparse(const CLI::App& options,
                                        const std::vector<std::string>& words) {
  return Reader{options}.read(words);
}

}  // namespace monodon::cli
