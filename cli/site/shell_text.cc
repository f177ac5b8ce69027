// SPDX-License-Identifier: Apache-2.0
// The commands in a text for a shell, without running it.
#include "cli/site/shell_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <utility>

#include "cli/flags/shell_words.h"
#include "cli/site/shell_branches.h"
#include "cli/site/shell_output.h"

namespace monodon::cli {
namespace {

bool is_name_char(char c) {
  return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0;
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

constexpr std::size_t kLongestInner = 400;  // what is read in what is read

class Reader {
 public:
  Reader(std::string_view text, const Variables& known,
         std::vector<std::string> arguments, std::string script)
      : text_{text},
        around_{known},
        arguments_{std::move(arguments)},
        script_{std::move(script)} {}

  ShellText read() {
    while (at_ < text_.size()) step();
    end_command();
    return std::move(result_);
  }

 private:
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  void step() {
    const char c = peek();
    if (c == '\\' && peek(1) == '\n') {
      at_ += 2;
    } else if (c == '#' && !in_word_) {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (is_blank(c) || (!array_.empty() && (c == '\n' || c == ')'))) {
      end_word();
      if (c == ')') close_array();
      ++at_;
    } else if (c == '(' && in_word_ && word_.ends_with('=')) {
      array_ = word_.substr(0, word_.size() - 1);  // "A=(b c)", "A+=(d)"
      word_.clear();
      in_word_ = false;
      ++at_;
    } else if (c == '>' || c == '<' || (c == '&' && peek(1) == '>')) {
      redirect();
    } else if (c == '\n' || c == ';' || c == '&' || c == '|') {
      separator(c);
    } else {
      part_of_word();
    }
  }

  void separator(char c) {
    const bool twice = peek(1) == c && c != '\n';
    const bool tests = !words_.empty() && (words_[0][0] == '[' || words_[0] == "test");
    const bool was_doubtful = doubtful_;
    end_command();
    // What follows "a ||" or "[ a ] &&" is run or not; so is what follows that.
    if (c != ';' && c != '\n' && twice) doubtful_ = c == '|' || tests || was_doubtful;
    if (c == ';' && twice) branches_.arm_ends();
    at_ += twice ? 2 : 1;
  }

  void close_array() {
    const bool more = array_.ends_with('+');
    if (more) array_.pop_back();
    std::vector<std::string>& ours = arrays_[array_];
    if (branches_.inside() || doubtful_) {
      if (ours.empty()) ours = items_;
      result_.doubtful[array_] = fmt::format("{}", fmt::join(ours, " "));
    } else {
      if (!more) ours.clear();
      ours.insert(ours.end(), items_.begin(), items_.end());
    }
    known_.emplace(std::exchange(array_, {}), ours.empty() ? "" : ours[0]);
    items_.clear();
  }

  void part_of_word() {
    const char c = peek();
    in_word_ = true;
    if (c == '\'') {
      const std::size_t end = std::min(text_.find('\'', at_ + 1), text_.size());
      word_ += text_.substr(at_ + 1, end - at_ - 1);
      at_ = std::min(end + 1, text_.size());
    } else if (c == '"') {
      ++at_;
      const bool empty = word_.empty();
      nothing_ = false;
      while (at_ < text_.size() && peek() != '"') character(true);
      ++at_;
      // "$@" of no arguments is no word, not even an empty one.
      if (nothing_ && empty && word_.empty()) in_word_ = false;
    } else {
      character(false);
    }
  }

  // One character that is not a quote, or what stands for some.
  void character(bool quoted) {
    const char c = peek();
    if (c == '\\' && at_ + 1 < text_.size()) {
      const char next = peek(1);
      const bool special = next == '"' || next == '\\' || next == '$' || next == '`';
      if (quoted && !special && next != '\n') word_ += c;
      if (next != '\n') word_ += next;
      at_ += 2;
    } else if (c == '$' && peek(1) == '(') {
      substitute(at_ + 2, behind_bracket(text_, at_ + 1, '(', ')'), quoted);
    } else if (c == '`') {
      substitute(at_ + 1, std::min(text_.find('`', at_ + 1), text_.size() - 1) + 1,
                 quoted);
    } else if (c == '$' && (peek(1) == '@' || peek(1) == '*')) {
      insert_arguments(arguments_, peek(1) == '*', quoted);
      at_ += 2;
    } else if (c == '$' && (peek(1) == '{' || is_name_char(peek(1)))) {
      variable(quoted);
    } else {
      word_ += c;
      ++at_;
    }
  }

  // "$(cd "$(dirname "$0")" && pwd)"; others stay as they are.
  void substitute(std::size_t begin, std::size_t end, bool quoted) {
    const std::string_view inner = text_.substr(begin, end - begin - 1);
    if (inner.size() > kLongestInner) return as_it_is(end);
    const auto said = shell_output(inside(inner).commands);
    if (!said) return as_it_is(end);
    insert(*said, quoted);
    at_ = end;
  }

  [[nodiscard]] ShellText inside(std::string_view text) const {
    Variables all = known_;
    all.insert(around_.begin(), around_.end());
    return Reader{text, all, arguments_, script_}.read();
  }

  // The y of ${X:-y}, which may be "$Y" or have quotes of its own.
  [[nodiscard]] std::string otherwise(std::string_view text) const {
    const bool plain = text.find_first_of("$\"'") == std::string_view::npos;
    if (plain || text.size() > kLongestInner) return std::string{text};
    const char* const quote = text.find_first_of("\"'") != text.npos ? "" : "\"";
    const ShellText read = inside(fmt::format("={0}{1}{0}", quote, text));
    return read.commands.empty() ? std::string{text} : read.commands[0][0].substr(1);
  }

  void as_it_is(std::size_t end) {
    word_ += text_.substr(at_, end - at_);
    at_ = end;
  }

  // "$@", a word each; "$*", one word; both outside of quotes split once more.
  void insert_arguments(const std::vector<std::string>& all, bool as_one, bool quoted,
                        std::size_t first = 0) {
    result_.no_arguments |= &all == &arguments_ && all.empty();
    nothing_ = !as_one;
    if (!quoted) in_word_ = !word_.empty();
    for (std::size_t i = first; i < all.size(); ++i) {
      if (i > first && as_one && quoted) word_ += ' ';
      if (i > first && !(as_one && quoted)) end_word();
      in_word_ |= quoted;
      nothing_ = false;
      insert(all[i], quoted);
    }
  }

  // "${@}", "${@:2}", "${@:-x}", "${1+"$@"}" of old shells; "${A[@]}".
  bool arguments_in_braces(bool quoted) {
    const std::size_t after = behind_bracket(text_, at_ + 1, '{', '}');
    std::string_view inner = text_.substr(at_ + 2, after - at_ - 2);
    if (inner.ends_with('}')) inner.remove_suffix(1);
    if (inner.ends_with("[@]") || inner.ends_with("[*]")) {
      const auto array = arrays_.find(std::string{inner.substr(0, inner.size() - 3)});
      if (array == arrays_.end()) return false;
      insert_arguments(array->second, inner[inner.size() - 2] == '*', quoted);
      at_ = after;
      return true;
    }
    const bool as_one = inner.starts_with('*');
    const bool old = inner == "1+\"$@\"" || inner == "1:+\"$@\"" || inner == "1+$@";
    if (!old && !as_one && !inner.starts_with('@')) return false;
    std::string_view rest = old ? "" : inner.substr(1);
    if (rest.starts_with(':')) rest.remove_prefix(1);
    const bool from = !rest.empty() && rest[0] >= '1' && rest[0] <= '9';
    if (!rest.empty() && !from && rest[0] != '-') return false;
    if (rest.starts_with('-') && arguments_.empty())
      insert(rest.substr(1), quoted);
    else
      insert_arguments(arguments_, as_one, quoted,
                       from ? static_cast<std::size_t>(rest[0] - '1') : 0);
    at_ = after;
    return true;
  }

  // "$1", where it is given.
  [[nodiscard]] const std::string* argument(const std::string& name) const {
    if (name.size() != 1 || name[0] < '1' || name[0] > '9') return nullptr;
    const auto index = static_cast<std::size_t>(name[0] - '1');
    return index < arguments_.size() ? &arguments_[index] : nullptr;
  }

  void variable(bool quoted) {
    const bool braces = peek(1) == '{';
    if (braces && arguments_in_braces(quoted)) return;
    const std::size_t begin = at_ + (braces ? 2 : 1);
    std::size_t end = begin;
    while (end < text_.size() && is_name_char(text_[end])) ++end;
    const std::string name{text_.substr(begin, end - begin)};
    const std::size_t after = braces ? behind_bracket(text_, at_ + 1, '{', '}') : end;
    std::string_view rest;
    if (braces && after > end) rest = text_.substr(end, after - end - 1);
    if (rest.starts_with(':')) rest.remove_prefix(1);
    const bool of_script = name == "0" || name == "BASH_SOURCE";
    if (of_script && rest.starts_with("[0]")) rest.remove_prefix(3);
    const std::string* value =
        of_script && !script_.empty() ? &script_ : argument(name);
    const auto known = known_.find(name);
    const auto around = around_.find(name);
    if (value == nullptr && known != known_.end()) {
      value = &known->second;
    } else if (value == nullptr && around != around_.end()) {
      result_.used.insert(*around);
      value = &around->second;
    }
    const bool has_default = rest.starts_with('-') || rest.starts_with('=');
    if (value == nullptr && !has_default) return as_it_is(after);
    insert(value == nullptr ? otherwise(rest.substr(1))
           : rest == "%/*"  ? parent_of_path(*value)
                            : *value,
           quoted);
    at_ = after;
  }

  // A value outside of quotes is split into words.
  void insert(std::string_view value, bool quoted) {
    for (const char c : value) {
      if (!quoted && (is_blank(c) || c == '\n')) {
        end_word();
      } else {
        word_ += c;
        in_word_ = true;
      }
    }
  }

  // ">> file", "2>&1", "&> file".
  void redirect() {
    if (in_word_ && word_.find_first_not_of("0123456789") == std::string::npos) {
      word_.clear();
      in_word_ = false;
    }
    end_word();
    result_.redirects |= peek() != '<';
    if (text_.compare(at_, 2, "<<") == 0 && peek(2) != '<') return here_document();
    while (peek() == '>' || peek() == '<' || peek() == '&') ++at_;
    while (is_blank(peek())) ++at_;
    while (at_ < text_.size() && !is_blank(peek()) && peek() != '\n' && peek() != ';' &&
           peek() != '&' && peek() != '|')
      ++at_;
  }

  // "python << END": the lines behind this one, up to "END", are no commands.
  void here_document() {
    at_ += 2;
    while (is_blank(peek()) || peek() == '-') ++at_;
    std::string end;
    for (; at_ < text_.size() && !is_blank(peek()) && peek() != '\n'; ++at_)
      if (is_name_char(peek())) end += peek();
    const std::size_t line = std::min(text_.find('\n', at_), text_.size());
    const std::string rest{text_.substr(at_, line - at_)};
    std::size_t next = line;
    while (next < text_.size()) {
      const std::size_t begin = next + 1;
      next = std::min(text_.find('\n', begin), text_.size());
      std::string_view one = text_.substr(std::min(begin, text_.size()), next - begin);
      while (one.starts_with('\t')) one.remove_prefix(1);
      if (one == end) break;
    }
    // What stands behind "END" in its own line goes on: "cat << END | sort".
    if (rest.find_first_not_of(" \t\r") == std::string::npos) at_ = next;
  }

  void end_word() {
    if (!std::exchange(in_word_, false)) return;
    std::string word = std::exchange(word_, {});
    if (!array_.empty()) return items_.push_back(std::move(word));
    if (!branches_.is_of_header(word) &&
        (!words_.empty() || !branches_.opens_or_closes(word)))
      words_.push_back(std::move(word));
  }

  // What a condition sets anew keeps the value that it has in any case.
  void assign(const std::string& name, std::string value, bool conditional) {
    const bool kept = conditional && sure_.count(name) != 0;
    if (!conditional) sure_.insert(name);
    if (!kept) {
      known_[name] = std::move(value);
      set_in_[name] = branches_.path();
    }
    if (conditional) result_.doubtful[name] = known_[name];
  }

  void end_command() {
    end_word();
    branches_.line_ends();
    const bool conditional = branches_.inside() || std::exchange(doubtful_, false);
    const bool exports =
        !words_.empty() && (words_[0] == "export" || words_[0] == "declare");
    if (exports || std::all_of(words_.begin(), words_.end(), is_assignment)) {
      for (auto word = words_.begin() + (exports ? 1 : 0); word != words_.end();
           ++word) {
        const std::size_t equals = word->find('=');
        const std::string name = word->substr(0, equals);
        if (equals != std::string::npos)
          assign(name, word->substr(equals + 1), conditional);
        if (exports && known_.count(name) != 0) result_.exported[name] = known_[name];
      }
      words_.clear();
    }
    if (words_.empty()) return;
    change_arguments(conditional);
    result_.commands.push_back(std::exchange(words_, {}));
    result_.conditional.push_back(conditional);
    result_.known_then.push_back(known_);
    std::set<std::string>& elsewhere = result_.elsewhere.emplace_back();
    for (const auto& [name, path] : set_in_)
      if (exclude_each_other(path, branches_.path())) elsewhere.insert(name);
  }

  // "shift", "set -- a b". What a condition does so: where there is nothing yet, or
  // more of what there is ("set -- "$@" -w 3"), or a program for its flags ("set --
  // gunicorn
  // "$@"").
  void change_arguments(bool conditional) {
    if (words_[0] == "shift" && words_.size() == 1 && !arguments_.empty() &&
        !conditional)
      arguments_.erase(arguments_.begin());
    if (words_[0] != "set" || words_.size() < 2 || words_[1] != "--") return;
    std::vector<std::string> now{words_.begin() + 2, words_.end()};
    const std::size_t more = now.size() - std::min(now.size(), arguments_.size());
    const bool goes_on = std::equal(arguments_.begin(), arguments_.end(), now.begin(),
                                    now.end() - static_cast<std::ptrdiff_t>(more));
    const bool before =
        !arguments_.empty() && arguments_[0].starts_with('-') &&
        std::equal(arguments_.begin(), arguments_.end(),
                   now.begin() + static_cast<std::ptrdiff_t>(more), now.end());
    if (!conditional || goes_on || before) arguments_ = std::move(now);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string word_;
  bool in_word_ = false;
  std::vector<std::string> words_;
  ShellBranches branches_;
  bool doubtful_ = false;  // behind "||"
  Variables known_;
  std::map<std::string, ShellBranches::Path> set_in_;  // where each was set last
  std::set<std::string> sure_;                         // of these: set in any case
  const Variables& around_;
  std::vector<std::string> arguments_;  // of the script
  std::string script_;                  // its path; "" where there is none
  std::map<std::string, std::vector<std::string>> arrays_;
  std::string array_;               // that is open: "A" or, for "A+=(", "A+"
  std::vector<std::string> items_;  // of that one
  bool nothing_ = false;            // "$@" was there, and is none
  ShellText result_;
};

}  // namespace

ShellText read_shell_text(std::string_view text, const Variables& known,
                          const std::vector<std::string>& arguments,
                          const std::string& script) {
  return Reader{text, known, arguments, script}.read();
}

}  // namespace monodon::cli
