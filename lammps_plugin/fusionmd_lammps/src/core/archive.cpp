#include "archive.h"

#include <array>
#include <cstring>
#include <fstream>
#include <functional>
#include <sstream>
#include <stdexcept>

namespace fusionmd {
namespace {

// APPNOTE.TXT of PKWARE, version 6.3.10: end of central directory, its entries, and the headers before the records.
constexpr uint32_t END = 0x06054b50, ENTRY = 0x02014b50, LOCAL = 0x04034b50, IN_ZIP64 = 0xffffffff;
constexpr size_t END_SIZE = 22, ENTRY_SIZE = 46, LOCAL_SIZE = 30, MAX_COMMENT = 65535;

struct Entry {
  std::string name;
  uint16_t method;
  uint32_t checksum, packed_size, offset;
};

uint32_t number(const std::string &bytes, size_t at, int n)
{
  if (at + n > bytes.size()) throw std::out_of_range("zip");
  uint32_t value = 0;
  for (int i = n; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

/// CRC-32 of ISO 3309, reflected polynomial.
uint32_t crc32(const char *data, size_t n)
{
  static const auto table = [] {
    std::array<uint32_t, 256> t{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t c = i;
      for (int k = 0; k < 8; ++k) c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
      t[i] = c;
    }
    return t;
  }();
  uint32_t c = ~0u;
  for (size_t i = 0; i < n; ++i) c = table[(c ^ static_cast<unsigned char>(data[i])) & 255] ^ c >> 8;
  return ~c;
}

size_t end_of_directory(const std::string &zip)
{
  const size_t first = zip.size() > END_SIZE + MAX_COMMENT ? zip.size() - END_SIZE - MAX_COMMENT : 0;
  for (size_t at = zip.size() - END_SIZE + 1; at-- > first;)
    if (number(zip, at, 4) == END) return at;
  throw std::out_of_range("zip");
}

void for_each_entry(const std::string &zip, const std::function<void(const Entry &)> &visit)
{
  if (zip.size() < END_SIZE) throw std::out_of_range("zip");
  const size_t end = end_of_directory(zip);
  size_t at = number(zip, end + 16, 4);
  for (uint32_t k = number(zip, end + 10, 2); k > 0; --k) {
    if (number(zip, at, 4) != ENTRY) throw std::out_of_range("zip");
    const size_t name = number(zip, at + 28, 2), extra = number(zip, at + 30, 2), comment = number(zip, at + 32, 2);
    visit({zip.substr(at + ENTRY_SIZE, name), static_cast<uint16_t>(number(zip, at + 10, 2)), number(zip, at + 16, 4),
           number(zip, at + 20, 4), number(zip, at + 42, 4)});
    at += ENTRY_SIZE + name + extra + comment;
  }
}

bool is_damaged(const std::string &zip, const Entry &entry)
{
  constexpr uint16_t stored = 0;
  const size_t header = entry.offset;
  if (number(zip, header, 4) != LOCAL) return true;
  if (entry.method != stored || entry.packed_size == IN_ZIP64) return false;
  const size_t data = header + LOCAL_SIZE + number(zip, header + 26, 2) + number(zip, header + 28, 2);
  if (data + entry.packed_size > zip.size()) return true;
  return crc32(zip.data() + data, entry.packed_size) != entry.checksum;
}

[[noreturn]] void refuse(const std::string &path, const std::string &what)
{
  throw std::runtime_error(path + " " + what);
}

}    // namespace

std::string read_file(const std::string &path)
{
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  if (file) content << file.rdbuf();
  if (!file || file.bad()) refuse(path, "cannot be read; check the name and the permissions of the file");
  return content.str();
}

void check_archive(const std::string &path)
{
  const std::string zip = read_file(path);
  if (zip.empty()) refuse(path, "is empty; copy or export it again");
  if (zip.compare(0, 2, "PK") != 0)
    refuse(path, "is not a fusionmd potential (no TorchScript archive); make one with `fusionmd export`");
  bool is_ours = false;
  try {
    for_each_entry(zip, [&](const Entry &entry) {
      if (is_damaged(zip, entry)) refuse(path, "is damaged (record " + entry.name + "); copy or export it again");
      is_ours |= entry.name.find("/extra/fusionmd.json") != std::string::npos;
    });
  } catch (const std::out_of_range &) {
    refuse(path, "is truncated or damaged; copy or export it again");
  }
  if (!is_ours) refuse(path, "has no fusionmd metadata, it is not a fusionmd potential; make one with `fusionmd export`");
}

void check_record(const std::string &path, const std::string &name, const std::string &content)
{
  for_each_entry(read_file(path), [&](const Entry &entry) {
    const bool is_it = entry.name.size() >= name.size() &&
        entry.name.compare(entry.name.size() - name.size(), name.size(), name) == 0;
    if (is_it && crc32(content.data(), content.size()) != entry.checksum)
      refuse(path, "is damaged (record " + entry.name + "); copy or export it again");
  });
}

std::string json_value(const std::string &json, const std::string &key)
{
  // Written with an indent of one: only keys of the top level follow exactly one blank.
  const std::string start = "\n \"" + key + "\": ";
  const size_t at = json.find(start);
  if (at == std::string::npos) return "";
  const size_t first = at + start.size(), last = json.find_first_of(",\n", first);
  std::string value = json.substr(first, last - first);
  if (value.size() >= 2 && value.front() == '"') value = value.substr(1, value.size() - 2);
  return value;
}

}    // namespace fusionmd
