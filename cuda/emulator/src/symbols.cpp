// dladdr() knows exported symbols only; kernels are often static, so the file's own table is read.
#include "symbols.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>

#include "state.h"

namespace cuda_emulator::detail {
namespace {

std::string demangled(const char* name) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> plain(abi::__cxa_demangle(name, nullptr, nullptr, &status),
                                                     std::free);
  std::string result = status == 0 ? plain.get() : name;
  // The return type of a template's instance says nothing.
  if (result.rfind("void ", 0) == 0) result.erase(0, 5);
  const std::string anonymous = "(anonymous namespace)::";
  for (std::size_t at = result.find(anonymous); at != std::string::npos; at = result.find(anonymous)) {
    result.erase(at, anonymous.size());
  }
  return result;
}

// The name of the function that begins at `offset` in the ELF file mapped at `file`; empty if there is none.
std::string find_symbol(const char* file, std::size_t bytes, ElfW(Addr) offset) {
  const auto* header = reinterpret_cast<const ElfW(Ehdr)*>(file);
  if (bytes < sizeof *header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return {};
  if (header->e_shoff + std::size_t{header->e_shnum} * sizeof(ElfW(Shdr)) > bytes) return {};
  const auto* sections = reinterpret_cast<const ElfW(Shdr)*>(file + header->e_shoff);
  for (int i = 0; i < header->e_shnum; ++i) {
    const ElfW(Shdr)& section = sections[i];
    if (section.sh_type != SHT_SYMTAB || section.sh_offset + section.sh_size > bytes) continue;
    const auto* symbols = reinterpret_cast<const ElfW(Sym)*>(file + section.sh_offset);
    const char* names = file + sections[section.sh_link].sh_offset;
    for (std::size_t s = 0; s < section.sh_size / sizeof(ElfW(Sym)); ++s) {
      if (symbols[s].st_value == offset && (symbols[s].st_info & 0xf) == STT_FUNC) {
        return demangled(names + symbols[s].st_name);
      }
    }
  }
  return {};
}

std::string look_up(const void* function) {
  Dl_info info{};
  link_map* map = nullptr;
  if (dladdr1(function, &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) == 0) return {};
  const char* path = map->l_name[0] == '\0' ? "/proc/self/exe" : map->l_name;
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  std::string result;
  struct stat status {};
  if (descriptor >= 0 && fstat(descriptor, &status) == 0) {
    const auto bytes = static_cast<std::size_t>(status.st_size);
    void* file = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (file != MAP_FAILED) {
      result = find_symbol(static_cast<const char*>(file), bytes,
                           reinterpret_cast<ElfW(Addr)>(function) - map->l_addr);
      munmap(file, bytes);
    }
  }
  if (descriptor >= 0) close(descriptor);
  if (result.empty() && info.dli_sname != nullptr && info.dli_saddr == function)
    result = demangled(info.dli_sname);
  return result;
}

}  // namespace

std::string symbol_name(const void* function) {
  static std::map<const void*, std::string>& known = *new std::map<const void*, std::string>;
  std::string& name = known[function];
  if (name.empty()) name = look_up(function);
  if (name.empty()) name = text("at %p", function);
  return name;
}

}  // namespace cuda_emulator::detail
