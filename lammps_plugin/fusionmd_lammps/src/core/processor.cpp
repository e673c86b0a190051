#include "processor.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <stdexcept>

namespace fusionmd {

std::string cpu_features()
{
  std::ifstream lines("/proc/cpuinfo");
  for (std::string line; std::getline(lines, line);) {
    std::string start = line.substr(0, 8);
    std::transform(start.begin(), start.end(), start.begin(), [](unsigned char c) { return std::tolower(c); });
    if (start.compare(0, 5, "flags") == 0 || start == "features")
      return line.substr(0, line.find_last_not_of(" \t\r") + 1);
  }
  return "";
}

bool is_own_file(const std::string &path)
{
  struct stat found;
  if (stat(path.c_str(), &found) != 0) return false;
  if (found.st_uid != getuid())
    throw std::runtime_error(path + " belongs to another user and is not run; remove it, or set FUSIONMD_CACHE to a "
                                    "folder of yours");
  return true;
}

}    // namespace fusionmd
