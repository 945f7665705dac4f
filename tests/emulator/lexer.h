// The words of a PTX text.
#pragma once

#include <cctype>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace emulator {

/// Reads one word after the other; an empty one at the end. Words are names with all that may be in them (%r1,
/// $L__BB0_1, ld.global.u32, .param), numbers, strings with their quotes, and single signs otherwise. Comments are left
/// out.
class Lexer {
 public:
  Lexer(std::string_view text, size_t at) : text_(text), at_(at) { next(); }

  std::string_view word() const { return word_; }
  size_t position() const { return begin_; }
  bool is(std::string_view word) const { return word_ == word; }

  std::string_view take() {
    const std::string_view word = word_;
    next();
    return word;
  }
  bool accept(std::string_view word) {
    if (word_ != word) return false;
    next();
    return true;
  }
  void expect(std::string_view word) {
    if (!accept(word)) fail("'" + std::string(word) + "' is expected");
  }
  /// The rest of the line, for directives that end with it.
  std::string_view take_line() {
    const size_t begin = begin_, end = std::min(text_.find('\n', begin_), text_.size());
    at_ = end;
    next();
    return text_.substr(begin, end - begin);
  }
  [[noreturn]] void fail(const std::string& why) const {
    const size_t end = std::min(text_.find('\n', begin_), text_.size());
    throw std::runtime_error("PTX: " + why + " at '" + std::string(text_.substr(begin_, end - begin_)) + "'");
  }

 private:
  static bool is_name(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' || c == '%' || c == '.';
  }
  void skip() {
    while (at_ < text_.size()) {
      if (std::isspace(static_cast<unsigned char>(text_[at_]))) {
        ++at_;
      } else if (text_.compare(at_, 2, "//") == 0) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (text_.compare(at_, 2, "/*") == 0) {
        at_ = std::min(text_.find("*/", at_), text_.size() - 2) + 2;
      } else {
        return;
      }
    }
  }
  void next() {
    skip();
    begin_ = at_;
    if (at_ >= text_.size()) {
      word_ = {};
      return;
    }
    if (text_[at_] == '"') {
      at_ = std::min(text_.find('"', at_ + 1), text_.size() - 1) + 1;
    } else if (is_name(text_[at_])) {
      while (at_ < text_.size() && (is_name(text_[at_]) || text_.compare(at_, 2, "::") == 0 ||
                                    (text_[at_] == ':' && text_[at_ - 1] == ':'))) {
        ++at_;
      }
    } else {
      ++at_;
    }
    word_ = text_.substr(begin_, at_ - begin_);
  }

  std::string_view text_, word_;
  size_t at_, begin_ = 0;
};

/// A number as PTX writes it: decimal, 0x…, 0f… (bits of a float), 0d… (bits of a double). For a type of floating point
/// a decimal number is one. False if the word is none.
bool parse_number(std::string_view word, uint64_t* bits);

}  // namespace emulator
