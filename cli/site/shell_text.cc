// SPDX-License-Identifier: Apache-2.0
// The commands in a text for a shell, without running it.
#include "cli/site/shell_text.h"

#include <algorithm>
#include <array>
#include <utility>

namespace monodon::cli {
namespace {

bool is_name_char(char c) {
  return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9');
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

// Words that stand before a command and are none of its own.
bool is_keyword(std::string_view word) {
  constexpr std::array<std::string_view, 11> kKeywords = {
      "if", "then", "else", "elif", "do", "while", "until", "{", "(", "!", "command"};
  return std::find(kKeywords.begin(), kKeywords.end(), word) != kKeywords.end() ||
         (word.size() > 1 && word.ends_with(')') &&
          word.find('(') == std::string_view::npos);  // of a case
}

class Reader {
 public:
  Reader(std::string_view text, const Variables& known) : text_{text}, around_{known} {}

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
    } else if (is_blank(c)) {
      end_word();
      ++at_;
    } else if (c == '>' || c == '<' || (c == '&' && peek(1) == '>')) {
      redirect();
    } else if (c == '\n' || c == ';' || c == '&' || c == '|') {
      end_command();
      ++at_;
    } else {
      part_of_word();
    }
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
      while (at_ < text_.size() && peek() != '"') character(true);
      ++at_;
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

  void variable(bool quoted) {
    const bool braces = peek(1) == '{';
    const std::size_t begin = at_ + (braces ? 2 : 1);
    std::size_t end = begin;
    while (end < text_.size() && is_name_char(text_[end])) ++end;
    const std::string name{text_.substr(begin, end - begin)};
    const std::size_t after = braces ? closing(at_ + 1, '{', '}') : end;
    std::string_view rest;
    if (braces && after > end) rest = text_.substr(end, after - end - 1);
    if (rest.starts_with(':')) rest.remove_prefix(1);
    const auto known = known_.find(name);
    const auto around = around_.find(name);
    if (known != known_.end()) {
      insert(known->second, quoted);
      at_ = after;
    } else if (around != around_.end()) {
      result_.used.insert(*around);
      insert(around->second, quoted);
      at_ = after;
    } else if (rest.starts_with('-') || rest.starts_with('=')) {
      insert(rest.substr(1), quoted);
      at_ = after;
    } else {
      as_it_is(after);
    }
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
    while (peek() == '>' || peek() == '<' || peek() == '&') ++at_;
    while (is_blank(peek())) ++at_;
    while (at_ < text_.size() && !is_blank(peek()) && peek() != '\n' && peek() != ';' &&
           peek() != '&' && peek() != '|')
      ++at_;
  }

  void end_word() {
    if (!std::exchange(in_word_, false)) return;
    std::string word = std::exchange(word_, {});
    if (words_.empty() && is_keyword(word)) return;
    words_.push_back(std::move(word));
  }

  void end_command() {
    end_word();
    const auto assigns = [](const std::string& word) {
      const std::size_t equals = word.find('=');
      return equals != std::string::npos && equals != 0 &&
             std::all_of(word.begin(),
                         word.begin() + static_cast<std::ptrdiff_t>(equals),
                         is_name_char);
    };
    const bool exports =
        !words_.empty() && (words_[0] == "export" || words_[0] == "declare");
    const auto first = words_.begin() + (exports ? 1 : 0);
    if (exports || std::all_of(first, words_.end(), assigns)) {
      for (auto word = first; word != words_.end(); ++word) {
        const std::size_t equals = word->find('=');
        const std::string name = word->substr(0, equals);
        if (equals != std::string::npos) known_[name] = word->substr(equals + 1);
        if (exports && known_.count(name) != 0) result_.exported[name] = known_[name];
      }
      words_.clear();
    }
    if (!words_.empty()) result_.commands.push_back(std::exchange(words_, {}));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string word_;
  bool in_word_ = false;
  std::vector<std::string> words_;
  Variables known_;
  const Variables& around_;
  ShellText result_;
};

}  // namespace

ShellText read_shell_text(std::string_view text, const Variables& known) {
  return Reader{text, known}.read();
}

}  // namespace monodon::cli
