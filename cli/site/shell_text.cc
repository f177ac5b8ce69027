// SPDX-License-Identifier: Apache-2.0
// The commands in a text for a shell, without running it.
#include "cli/site/shell_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "cli/flags/shell_words.h"

namespace monodon::cli {
namespace {

bool is_name_char(char c) {
  return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0;
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

class Reader {
 public:
  Reader(std::string_view text, const Variables& known,
         std::vector<std::string> arguments)
      : text_{text}, around_{known}, arguments_{std::move(arguments)} {}

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
    const bool tests = !words_.empty() && is_one_of(words_[0], {"[", "[[", "test"});
    const bool was_doubtful = doubtful_;
    end_command();
    // What follows "a ||" or "[ a ] &&" is run or not; so is what follows that.
    if (c != ';' && c != '\n' && twice) doubtful_ = c == '|' || tests || was_doubtful;
    in_pattern_ |= c == ';' && twice && cases_ > 0;
    at_ += twice ? 2 : 1;
  }

  void close_array() {
    const bool more = array_.ends_with('+');
    if (more) array_.pop_back();
    std::vector<std::string>& ours = arrays_[array_];
    if (depth_ > 0 || doubtful_) {
      if (ours.empty()) ours = items_;
      result_.doubtful[array_] = fmt::format("{}", fmt::join(ours, " "));
    } else {
      if (!more) ours.clear();
      ours.insert(ours.end(), items_.begin(), items_.end());
    }
    array_.clear();
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
      as_it_is(closing(at_ + 1, '(', ')'));
    } else if (c == '`') {
      as_it_is(std::min(text_.find('`', at_ + 1), text_.size() - 1) + 1);
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

  void as_it_is(std::size_t end) {
    word_ += text_.substr(at_, end - at_);
    at_ = end;
  }

  // Behind the bracket that closes the one at `open`.
  [[nodiscard]] std::size_t closing(std::size_t open, char one, char other) const {
    std::size_t depth = 0;
    for (std::size_t i = open; i < text_.size(); ++i) {
      if (text_[i] == one) ++depth;
      if (text_[i] == other && --depth == 0) return i + 1;
    }
    return text_.size();
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
    const std::size_t after = closing(at_ + 1, '{', '}');
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
    const std::size_t after = braces ? closing(at_ + 1, '{', '}') : end;
    std::string_view rest;
    if (braces && after > end) rest = text_.substr(end, after - end - 1);
    if (rest.starts_with(':')) rest.remove_prefix(1);
    const std::string* value = argument(name);
    const auto known = known_.find(name);
    const auto around = around_.find(name);
    if (value == nullptr && known != known_.end()) {
      value = &known->second;
    } else if (value == nullptr && around != around_.end()) {
      result_.used.insert(*around);
      value = &around->second;
    }
    const bool otherwise = rest.starts_with('-') || rest.starts_with('=');
    if (value == nullptr && !otherwise) return as_it_is(after);
    insert(value != nullptr ? *value : rest.substr(1), quoted);
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
    if (in_pattern_ && word != "esac") {
      in_pattern_ = !word.ends_with(')');
    } else if (in_header_) {
      in_header_ = !is_function_ && !(in_case_ && word == "in");
      in_pattern_ = in_case_ && !in_header_;
    } else if (!words_.empty() || !opens_or_closes(word)) {
      words_.push_back(std::move(word));
    }
  }

  // Words of the shell itself, which are part of no command.
  bool opens_or_closes(const std::string& word) {
    if (is_one_of(word, {"if", "while", "until"})) {
      ++depth_;
    } else if (is_one_of(word, {"for", "select", "case"})) {
      ++depth_;
      in_header_ = true;
      in_case_ = word == "case";
      cases_ += in_case_ ? 1 : 0;
    } else if (word.ends_with("()") || word == "function") {
      in_header_ = word == "function";  // its name follows
      in_case_ = false;
      is_function_ = true;
    } else if (word == "{" && std::exchange(is_function_, false)) {
      ++depth_;
      ++functions_;
    } else if (is_one_of(word, {"fi", "done", "esac"}) ||
               (word == "}" && functions_ > 0)) {
      depth_ -= depth_ > 0 ? 1 : 0;
      cases_ -= word == "esac" && cases_ > 0 ? 1 : 0;
      functions_ -= word == "}" ? 1 : 0;
      in_pattern_ = false;
    } else {
      return is_one_of(word, {"then", "else", "elif", "do", "{", "(", "!", "command"});
    }
    return true;
  }

  // What a condition sets anew keeps the value that it has in any case.
  void assign(const std::string& name, std::string value, bool conditional) {
    const bool kept = conditional && sure_.count(name) != 0;
    if (!conditional) sure_.insert(name);
    if (!kept) known_[name] = std::move(value);
    if (conditional) result_.doubtful[name] = known_[name];
  }

  void end_command() {
    end_word();
    in_header_ = in_header_ && in_case_;
    const bool conditional = depth_ > 0 || std::exchange(doubtful_, false);
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
    if (!conditional) change_arguments();
    result_.commands.push_back(std::exchange(words_, {}));
    result_.conditional.push_back(conditional);
  }

  // "shift", "set -- a b".
  void change_arguments() {
    if (words_[0] == "shift" && words_.size() == 1 && !arguments_.empty())
      arguments_.erase(arguments_.begin());
    if (words_[0] == "set" && words_.size() > 1 && words_[1] == "--")
      arguments_.assign(words_.begin() + 2, words_.end());
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string word_;
  bool in_word_ = false;
  std::vector<std::string> words_;
  // Where in "if", "case" and their like the text stands.
  int depth_ = 0;
  int cases_ = 0;
  int functions_ = 0;
  bool in_header_ = false;    // "for x in a b", "case $1 in"
  bool in_case_ = false;      // ... of a case
  bool in_pattern_ = false;   // "start|web)"
  bool is_function_ = false;  // "name()" was there
  bool doubtful_ = false;     // behind "||"
  Variables known_;
  std::set<std::string> sure_;  // of these: set in any case
  const Variables& around_;
  std::vector<std::string> arguments_;  // of the script
  std::map<std::string, std::vector<std::string>> arrays_;
  std::string array_;               // that is open: "A" or, for "A+=(", "A+"
  std::vector<std::string> items_;  // of that one
  bool nothing_ = false;            // "$@" was there, and is none
  ShellText result_;
};

}  // namespace

ShellText read_shell_text(std::string_view text, const Variables& known,
                          const std::vector<std::string>& arguments) {
  return Reader{text, known, arguments}.read();
}

}  // namespace monodon::cli
