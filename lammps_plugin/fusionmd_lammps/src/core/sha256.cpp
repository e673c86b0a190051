#include "sha256.h"

#include <array>
#include <cmath>
#include <cstdint>

namespace fusionmd {
namespace {

using Word = uint32_t;

Word turned(Word x, int n)
{
  return x >> n | x << (32 - n);
}

/// First 32 bits of the fractional parts of a root of the first 64 primes (sections 4.2.2 and 5.3.3).
template <size_t N> std::array<Word, N> prime_roots(long double (*root)(long double))
{
  std::array<Word, N> words{};
  size_t found = 0;
  for (int n = 2; found < N; ++n) {
    bool is_prime = true;
    for (int d = 2; d * d <= n; ++d) is_prime &= n % d != 0;
    if (!is_prime) continue;
    const long double r = root(n);
    words[found++] = static_cast<Word>((r - std::floor(r)) * 4294967296.0L);
  }
  return words;
}

void compress(std::array<Word, 8> &hash, const unsigned char *block)
{
  static const auto k = prime_roots<64>([](long double x) { return std::cbrt(x); });
  Word w[64];
  for (int t = 0; t < 16; ++t)
    w[t] = Word(block[4 * t]) << 24 | Word(block[4 * t + 1]) << 16 | Word(block[4 * t + 2]) << 8 | block[4 * t + 3];
  for (int t = 16; t < 64; ++t)
    w[t] = (turned(w[t - 2], 17) ^ turned(w[t - 2], 19) ^ w[t - 2] >> 10) + w[t - 7] +
        (turned(w[t - 15], 7) ^ turned(w[t - 15], 18) ^ w[t - 15] >> 3) + w[t - 16];
  auto [a, b, c, d, e, f, g, h] = hash;
  for (int t = 0; t < 64; ++t) {
    const Word one = h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + ((e & f) ^ (~e & g)) + k[t] + w[t];
    const Word two = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + one, d = c, c = b, b = a, a = one + two;
  }
  const Word last[8] = {a, b, c, d, e, f, g, h};
  for (int i = 0; i < 8; ++i) hash[i] += last[i];
}

}    // namespace

std::string sha256(const std::string &message)
{
  auto hash = prime_roots<8>([](long double x) { return std::sqrt(x); });
  std::string padded = message + '\x80';
  while (padded.size() % 64 != 56) padded += '\0';
  for (int i = 7; i >= 0; --i) padded += static_cast<char>(uint64_t(message.size()) * 8 >> 8 * i & 255);
  for (size_t at = 0; at < padded.size(); at += 64)
    compress(hash, reinterpret_cast<const unsigned char *>(padded.data()) + at);
  std::string hex;
  for (Word word : hash)
    for (int i = 28; i >= 0; i -= 4) hex += "0123456789abcdef"[word >> i & 15];
  return hex;
}

}    // namespace fusionmd
