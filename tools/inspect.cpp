// linnet inspect: what is in a file of tensors, and what of it would not fit a model.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <system_error>

#include <linnet/nn/models.h>
#include <linnet/train/run.h>
#include "core/elements.h"
#include "core/printable.h"
#include "io/stored_array.h"
#include "nn/misfits.h"
#include "tools/command.h"
#include "tools/model_source.h"
#include "tools/print.h"
#include "tools/tensor_source.h"

namespace linnet::tool {
namespace {

constexpr const char* kFooter = R"(Example:
  linnet inspect weights.safetensors
  linnet inspect resnet18.pth --against resnet-18
  linnet inspect weights.npz --against runs/first

Prints name, dtype, shape, bytes, minimum, mean, maximum and the number of elements that are NaN or infinite, of which
the three before know nothing. float16 and bfloat16 are shown as the float32 that they become. The format is told by
content: safetensors, .pth, .npy, .npz, IDX. With --against, exit status 1 where something would not fit.)";

struct InspectWords {
  std::string file;
  std::string against;
  FormatWords format;
};

/// What is known of an array's elements. Texts, since an int64 has no exact place in a double.
struct Figures {
  std::string least = "-", mean = "-", most = "-";
  int64_t non_finite = 0;
};

template <class T>
Figures figures_of(const T* values, int64_t count) {
  T least{}, most{};
  long double sum = 0;  // sums of the largest doubles and of any int64 fit
  int64_t finite = 0;
  for (int64_t i = 0; i < count; ++i) {
    const T value = values[i];
    if constexpr (std::is_floating_point_v<T>) {
      if (!std::isfinite(value)) continue;
    }
    least = finite == 0 ? value : std::min(least, value);
    most = finite == 0 ? value : std::max(most, value);
    sum += static_cast<long double>(value);
    ++finite;
  }
  Figures figures;
  figures.non_finite = count - finite;
  if (finite == 0) return figures;
  const auto text = [](T value) {
    return std::is_floating_point_v<T> ? format_text("{:.4g}", static_cast<double>(value))
                                       : format_text("{}", value);
  };
  figures.least = text(least);
  figures.most = text(most);
  figures.mean = format_text("{:.4g}", static_cast<double>(sum / static_cast<long double>(finite)));
  return figures;
}

Figures figures_of(const NDArray& array) {
  const NDArray dense = array.contiguous();
  const View view = dense.read_view();
  Figures figures;
  visit_dtype(array.dtype(), [&](auto element) {
    figures = figures_of(view.as<const typename decltype(element)::Stored>(), view.numel());
  });
  return figures;
}

using Row = std::vector<std::string>;

/// Texts to the left, numbers to the right.
void print_rows(const std::vector<Row>& rows, size_t texts) {
  std::vector<size_t> widths(rows.front().size());
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const Row& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string between = i == 0 ? "" : "  ";
      line += between + (i < texts ? format_text("{:<{}}", row[i], widths[i])
                                   : format_text("{:>{}}", row[i], widths[i]));
    }
    print_text("{}\n", line.substr(0, line.find_last_not_of(' ') + 1));
  }
}

void print_tensors(const nn::StateDict& tensors) {
  std::vector<Row> rows{{"name", "dtype", "shape", "bytes", "min", "mean", "max", "non-finite"}};
  uint64_t bytes = 0;
  int64_t non_finite = 0;
  for (const auto& [name, array] : tensors) {
    const Figures figures = figures_of(array);
    rows.push_back({printable(name), linnet::name(array.dtype()), to_string(array.shape()),
                    format_text("{}", byte_count(array)), figures.least, figures.mean, figures.most,
                    format_text("{}", figures.non_finite)});
    bytes += byte_count(array);
    non_finite += figures.non_finite;
  }
  rows.push_back({"total", "", "", format_text("{}", bytes), "", "", "", format_text("{}", non_finite)});
  print_rows(rows, 3);
}

void print_metadata(const Metadata& metadata) {
  constexpr size_t kShown = 200;  // bytes of a value: some files keep whole configurations there
  if (metadata.empty()) return;
  print_text("\nmetadata\n");
  for (const auto& [key, value] : metadata)
    print_text("  {}: {}\n", printable(key), printable(value, kShown));
}

/// Names and shapes of a model: by name as published, or that of a run folder or of the model.json in one.
nn::StateDict expected_tensors(const std::string& word) {
  const std::vector<std::string> names = nn::model_names();
  const bool is_name = std::find(names.begin(), names.end(), word) != names.end();
  const std::filesystem::path path(word);
  std::error_code error;
  std::optional<train::RunConfig> config;
  if (!is_name && std::filesystem::exists(path, error)) {
    const bool is_folder = std::filesystem::is_directory(path, error);
    const std::filesystem::path folder = is_folder ? path : path.has_parent_path() ? path.parent_path() : ".";
    config = train::RunFolder::open(folder).config();
  }
  set_default_device(device("meta"));  // shapes are all there is to know
  return (config ? make_model(*config) : make_model(word))->state_dict();
}

/// Prints what would not fit; gives whether all does.
bool compare(const nn::StateDict& tensors, const nn::StateDict& expected, const std::string& model) {
  const nn::Misfits found = nn::misfits(expected, tensors);
  std::vector<Row> rows;
  for (const auto& [name, shape, nearest] : found.missing) {
    const std::string meant = nearest.empty() ? "" : format_text("; nearest: {}", printable(nearest));
    rows.push_back({"  missing", name, to_string(shape) + meant});
  }
  for (const auto& [name, wanted, given] : found.misshaped) {
    rows.push_back({"  shape", name, format_text("{} in the file; the model's is {}", given, wanted)});
  }
  for (const auto& [name, shape] : found.unexpected) {
    rows.push_back({"  unexpected", printable(name), to_string(shape)});
  }
  print_text("\nagainst {}: {} of its {} fit\n", model,
             expected.size() - found.missing.size() - found.misshaped.size(),
             counted(expected.size(), "tensor"));
  if (!rows.empty()) print_rows(rows, 3);
  if (!found.prefix.empty()) {
    print_text("every missing one is there behind \"{0}\": load with --prefix {0}\n",
               printable(found.prefix));
  }
  return rows.empty();
}

int run(const InspectWords& words) {
  const nn::StateDict expected = words.against.empty() ? nn::StateDict{} : expected_tensors(words.against);
  set_default_device(device("cpu"));
  const TensorFile file = words.format.load(words.file);
  int64_t elements = 0;
  for (const auto& [name, array] : file.tensors) elements += array.numel();
  print_text("{}: {}, {}, {}\n\n", words.file, name(file.format), counted(file.tensors.size(), "tensor"),
             counted(static_cast<size_t>(elements), "element"));
  print_tensors(file.tensors);
  print_metadata(file.metadata);
  if (words.against.empty()) return kDone;
  return compare(file.tensors, expected, words.against) ? kDone : kFailed;
}

}  // namespace

Command inspect_command(Parser& app) {
  Parser sub =
      app.add_subcommand("inspect", "Show what is in a file of tensors, and what would not fit a model");
  sub.footer(kFooter);
  auto words = std::make_shared<InspectWords>();
  sub.add_option("FILE", words->file, "A file of weights or arrays").required();
  sub.add_option(
      "--against", words->against,
      "A model: a name, a run folder, or the model.json in one; what is missing, unexpected or of another "
      "shape");
  words->format.add_to(sub);
  return {sub, [words] { return run(*words); }};
}

}  // namespace linnet::tool
