// Products in int8: oneDNN multiplies unsigned rows by signed weights into int32, a block of rows
// at a time on each thread, and the sums are finished while they are in its cache (nn/int8_rows.h).
// Few rows are shared out by columns instead.
//
// Processors without VNNI add pairs of products in 16 bits, which the weights leave room for
// (nn/int8_weights.h). oneDNN's documentation, "Nuances of int8 Computations", has the
// instructions.

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <new>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "nn/backends/onednn/calls.h"
#include "nn/backends/onednn/matmul.h"
#include "nn/int8_rows.h"
#include "nn/int8_weights.h"
#include "nn/parallel.h"
#include "nn/simd.h"
#include "nn/transpose.h"

namespace clip::onednn {
namespace {

using dnnl::memory;

// Row counts that the layout of packed weights is asked for; any count can then use it.
constexpr std::int64_t kTypicalRows = 64;
// Sums of a block of rows. They should stay in a core's cache, but each block reads all weights,
// and where oneDNN has no kernel for packed ones, packs them: with 256 KiB ViT-L/14@336px took 1.28
// times as long, with 4 MiB as long as with 1 (AVX2, EPYC).
constexpr std::int64_t kBlockBytes = 1 << 20;
// Blocks are multiples of this, so that few sizes of products are ever built.
constexpr std::int64_t kRowUnit = 16;
// So few rows are not shared out among the threads; columns are, in multiples of what oneDNN's
// layouts keep together.
constexpr std::int64_t kFewRows = 128, kColumnUnit = 64;

// Weights in int8, one column after the other as PyTorch has them, and what columns need.
struct Quantized {
  std::vector<std::int8_t> weights;  // [outputs, inputs]
  std::vector<float> scales;
  std::vector<std::int32_t> offsets;
};

Quantized quantize(const float* weight, std::int64_t outputs, std::int64_t inputs) {
  Quantized result;
  result.weights.resize(static_cast<std::size_t>(outputs * inputs));
  result.scales.resize(static_cast<std::size_t>(outputs));
  result.offsets.resize(static_cast<std::size_t>(outputs));
  parallel_for(outputs, [&](std::int64_t j) {
    std::int32_t sum = 0;
    quantize_weights(weight + j * inputs, inputs, has_wide_sums(),
                     result.weights.data() + j * inputs, &result.scales[j], &sum);
    result.offsets[j] = 128 * sum;
  });
  return result;
}

// What a thread needs to multiply and finish rows.
struct Scratch {
  std::int32_t* sums;  // [block, padded outputs]
  float* row;          // [outputs]
  std::byte* product;  // what oneDNN needs
};

std::size_t bytes_of(std::int64_t numbers) {
  return aligned(static_cast<std::size_t>(numbers) * 4);
}

// Scratch memory for all threads of OpenMP. It belongs to the thread that calls, is the same for
// all of its products, which run one after the other, and only grows.
std::vector<Scratch> scratch_for(std::int64_t sums, std::int64_t row, std::size_t product) {
  thread_local std::unique_ptr<Arena> arena;
  thread_local std::byte* memory = nullptr;
  thread_local std::size_t memory_size = 0;
  const auto threads = static_cast<std::size_t>(omp_get_max_threads());
  const std::size_t size = bytes_of(sums) + bytes_of(row) + aligned(product);
  if (threads * size > memory_size) {
    memory_size = 0;
    arena = std::make_unique<Arena>(1);
    memory = arena->allocate(threads * size);
    memory_size = threads * size;
  }
  std::vector<Scratch> result;
  for (std::size_t i = 0; i < threads; ++i) {
    std::byte* own = memory + i * size;
    result.push_back({reinterpret_cast<std::int32_t*>(own),
                      reinterpret_cast<float*>(own + bytes_of(sums)),
                      own + bytes_of(sums) + bytes_of(row)});
  }
  return result;
}

class Int8MatMul : public MatMul {
 public:
  Int8MatMul(ProductSpec spec, PackedWeights* packed)
      : outputs_(spec.outputs), inputs_(spec.inputs), epilogue_(spec.epilogue) {
    weights_desc_ = describe(kTypicalRows, inputs_, any_weights(), outputs_).weights_desc();
    // Behind the weights: the scales, offsets and bias of the columns, up to whole vectors.
    const std::size_t weights_size = aligned(weights_desc_.get_size());
    const std::size_t part = bytes_of(padded_outputs());
    const PackedWeights::Piece piece = packed->next(
        (has_wide_sums() ? "wide " : "pairs ") + layout_of(weights_desc_), weights_size + 3 * part);
    weights_ = memory(weights_desc_, engine(), piece.data);
    std::byte* columns = piece.data + weights_size;
    columns_ = {reinterpret_cast<float*>(columns), reinterpret_cast<std::int32_t*>(columns + part),
                reinterpret_cast<float*>(columns + 2 * part)};
    if (piece.ready) return;

    std::vector<float> bias;
    const float* weight = spec.weight(&bias);
    bias.resize(static_cast<std::size_t>(outputs_));
    const Quantized quantized = quantize(weight, outputs_, inputs_);
    std::memcpy(columns, quantized.scales.data(), outputs_ * 4);
    std::memcpy(columns + part, quantized.offsets.data(), outputs_ * 4);
    std::memcpy(columns + 2 * part, bias.data(), outputs_ * 4);
    pack(quantized.weights.data());
  }

  void run(const Rows& in, const Rows& out) const override {
    const std::int64_t threads = omp_get_max_threads();
    if (threads > 1 && in.count <= kFewRows && outputs_ >= 2 * kColumnUnit) {
      const std::int64_t units = (outputs_ + kColumnUnit - 1) / kColumnUnit;
      const std::int64_t width = (units + threads - 1) / threads * kColumnUnit;
      if (in_parts(width)) return run_by_columns(in, out, width);
    }
    run_by_rows(in, out);
  }

 private:
  struct Ready {
    dnnl::matmul matmul;
    memory::desc source, weights, sums, scratchpad;
    std::int64_t begin;  // byte of the packed weights
    std::string implementation;
  };
  // Rows, their stride, and the columns.
  struct Call {
    std::int64_t count, stride, first, columns;
    bool operator<(const Call& other) const {
      return std::tie(count, stride, first, columns) <
             std::tie(other.count, other.stride, other.first, other.columns);
    }
  };

  // Every thread multiplies blocks of rows, and finishes each in its cache.
  void run_by_rows(const Rows& in, const Rows& out) const {
    const std::int64_t block = block_for(in.count), blocks = (in.count + block - 1) / block;
    const std::int64_t last = in.count - (blocks - 1) * block;
    const Ready& whole = get({std::min(block, in.count), in.stride, 0, outputs_});
    const Ready& rest = get({last, in.stride, 0, outputs_});
    const std::vector<Scratch> scratch =
        scratch_for(block * padded_outputs(), padded_outputs(),
                    std::max(whole.scratchpad.get_size(), rest.scratchpad.get_size()));
    parallel_or_throw(blocks, [&](std::int64_t i) {
      const bool is_last = i + 1 == blocks;
      const Scratch& own = scratch[omp_get_thread_num()];
      const Rows from = in.rows(i * block, is_last ? last : block);
      multiply(is_last ? rest : whole, from, own.sums, own);
      for (std::int64_t j = 0; j < from.count; ++j) {
        finish_row(own.sums + j * padded_outputs(), outputs_, from.scales[j], columns_, epilogue_,
                   out.rows(i * block + j, 1), own.row);
      }
    });
  }

  // Every thread multiplies all rows by some of the columns, and then finishes some of the rows.
  void run_by_columns(const Rows& in, const Rows& out, std::int64_t width) const {
    std::vector<const Ready*> parts;
    std::size_t product_size = 0;
    for (std::int64_t first = 0; first < outputs_; first += width) {
      parts.push_back(&get({in.count, in.stride, first, std::min(width, outputs_ - first)}));
      product_size = std::max(product_size, parts.back()->scratchpad.get_size());
    }
    const std::vector<Scratch> scratch =
        scratch_for(in.count * padded_outputs(), padded_outputs(), product_size);
    std::int32_t* const sums = scratch[0].sums;
    parallel_or_throw(static_cast<std::int64_t>(parts.size()), [&](std::int64_t i) {
      multiply(*parts[i], in, sums + i * width, scratch[omp_get_thread_num()]);
    });
    parallel_ranges(in.count, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t j = begin; j < end; ++j) {
        finish_row(sums + j * padded_outputs(), outputs_, in.scales[j], columns_, epilogue_,
                   out.rows(j, 1), scratch[omp_get_thread_num()].row);
      }
    });
  }

  // parallel_for of what may be short of memory: no exception may leave a loop of OpenMP.
  template <typename Use>
  static void parallel_or_throw(std::int64_t count, const Use& use) {
    std::atomic<bool> out_of_memory{false};
    parallel_for(count, [&](std::int64_t i) {
      try {
        use(i);
      } catch (const std::bad_alloc&) {
        out_of_memory = true;
      }
    });
    if (out_of_memory) throw std::bad_alloc();
  }

  // Whether oneDNN multiplies by parts of the columns, of `width` each, as it does by all of them.
  bool in_parts(std::int64_t width) const {
    const auto known = in_parts_.find(width);
    if (known != in_parts_.end()) return known->second;
    bool able = true;
    try {
      for (std::int64_t first = 0; first < outputs_; first += width) {
        const std::int64_t columns = std::min(width, outputs_ - first);
        able = able && get({kRowUnit, inputs_, first, columns}).implementation ==
                           get({kRowUnit, inputs_, 0, outputs_}).implementation;
      }
    } catch (const dnnl::error&) {
      able = false;
    }
    in_parts_.emplace(width, able);
    return able;
  }

  std::int64_t padded_outputs() const { return (outputs_ + kLanes - 1) / kLanes * kLanes; }

  memory::desc any_weights() const {
    return {{inputs_, outputs_}, memory::data_type::s8, memory::format_tag::any};
  }

  dnnl::matmul::primitive_desc describe(std::int64_t count, std::int64_t stride,
                                        const memory::desc& weights, std::int64_t columns) const {
    const ThreadLimit one(1);  // it will run inside one thread
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    return matmul(
        {{count, inputs_}, memory::data_type::u8, memory::dims{stride, 1}}, weights, memory::desc(),
        {{count, columns}, memory::data_type::s32, memory::dims{padded_outputs(), 1}}, attributes);
  }

  // Rows of a block: as many as fit, but no fewer blocks than there are threads.
  std::int64_t block_for(std::int64_t count) const {
    const std::int64_t fit = std::max<std::int64_t>(kBlockBytes / (padded_outputs() * 4), kRowUnit);
    const std::int64_t share = (count + omp_get_max_threads() - 1) / omp_get_max_threads();
    // Blocks of one size: 50 rows of which 48 fit are 2 of 32 and 18, not of 48 and 2.
    const std::int64_t pieces = (share + fit - 1) / fit;
    const std::int64_t size = (share + pieces - 1) / pieces;
    return (size + kRowUnit - 1) / kRowUnit * kRowUnit;
  }

  const Ready& get(const Call& call) const {
    const auto found = ready_.find(call);
    if (found != ready_.end()) return found->second;
    const ThreadLimit one(1);
    const WeightsPart part = part_of(weights_desc_, inputs_, call.first, call.columns);
    const auto description = describe(call.count, call.stride, part.desc, call.columns);
    return ready_
        .emplace(call, Ready{make<dnnl::matmul>(description), description.src_desc(), part.desc,
                             description.dst_desc(), description.scratchpad_desc(), part.begin,
                             description.impl_info_str()})
        .first->second;
  }

  void multiply(const Ready& ready, const Rows& in, std::int32_t* sums, const Scratch& own) const {
    auto* const weights = static_cast<std::byte*>(weights_.get_data_handle()) + ready.begin;
    execute(ready.matmul, {{DNNL_ARG_SRC, memory(ready.source, engine(), in.data)},
                           {DNNL_ARG_WEIGHTS, memory(ready.weights, engine(), weights)},
                           {DNNL_ARG_DST, memory(ready.sums, engine(), sums)},
                           {DNNL_ARG_SCRATCHPAD, memory(ready.scratchpad, engine(), own.product)}});
  }

  void pack(const std::int8_t* weights) {
    // Outputs innermost, as in float products whose outputs do not fill the layout's blocks.
    std::vector<std::int8_t> transposed(static_cast<std::size_t>(outputs_ * inputs_));
    transpose(weights, outputs_, inputs_, transposed.data());
    memory source({{inputs_, outputs_}, memory::data_type::s8, memory::format_tag::ab}, engine(),
                  transposed.data());
    reorder(source, weights_);
  }

  std::int64_t outputs_, inputs_;
  Epilogue epilogue_;
  memory::desc weights_desc_;
  memory weights_;
  Int8Columns columns_ = {};
  mutable std::map<Call, Ready> ready_;
  mutable std::map<std::int64_t, bool> in_parts_;  // by their width
};

}  // namespace

std::unique_ptr<MatMul> int8_matmul(ProductSpec spec, PackedWeights* packed) {
  return std::make_unique<Int8MatMul>(std::move(spec), packed);
}

}  // namespace clip::onednn
