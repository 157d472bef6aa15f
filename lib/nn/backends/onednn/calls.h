// oneDNN 2 and 3 behind one set of calls: the few places where their interfaces differ, and nothing
// else. Include in .cpp files only.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <dnnl.hpp>
#include <new>
#include <string>
#include <unordered_map>
#include <vector>

#include "nn/element_type.h"

namespace clip::onednn {

inline const dnnl::engine& engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

// Makes a primitive. Throws std::bad_alloc where there is no memory for it; the machine code that
// oneDNN writes for one goes into pieces of 256 KiB, and oneDNN 2.6 crashes where the system gives
// none, so that room for more than any primitive takes is looked for first.
template <typename Primitive, typename... Description>
Primitive make(const Description&... description) {
  constexpr std::size_t kRoom = std::size_t{16} << 20;  // bytes of addresses; no page is touched
  void* const room =
      ::mmap(nullptr, kRoom, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) throw std::bad_alloc();
  ::munmap(room, kRoom);
  try {
    return Primitive(description...);
  } catch (const dnnl::error& error) {
    if (error.status == dnnl_out_of_memory) throw std::bad_alloc();
    throw;
  }
}

// One for each thread: primitives may then run side by side.
inline dnnl::stream& stream() {
  thread_local dnnl::stream own(engine());
  return own;
}

// Runs a primitive to its end. Throws std::bad_alloc where it fails: all that a primitive for CPUs
// still needs then is memory, for buffers and, on processors without AVX-512, for machine code.
inline void execute(const dnnl::primitive& primitive,
                    const std::unordered_map<int, dnnl::memory>& arguments) {
  try {
    primitive.execute(stream(), arguments);
    stream().wait();
  } catch (const dnnl::error&) {
    throw std::bad_alloc();
  }
}
inline void reorder(dnnl::memory from, dnnl::memory to) {
  execute(make<dnnl::reorder>(from, to), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
}

inline dnnl::memory::data_type type_of(ElementType type) {
  switch (type) {
    case ElementType::kBFloat16:
      return dnnl::memory::data_type::bf16;
    case ElementType::kInt8:
      return dnnl::memory::data_type::s8;  // of weights; of rows it is u8
    case ElementType::kFloat32:
      break;
  }
  return dnnl::memory::data_type::f32;
}

inline dnnl::memory::data_type type_of_rows(ElementType type) {
  return type == ElementType::kInt8 ? dnnl::memory::data_type::u8 : type_of(type);
}

// How memory is arranged, as text that differs where the arrangement does.
inline std::string layout_of(const dnnl::memory::desc& desc) {
#if DNNL_VERSION_MAJOR >= 3
  // get_blob() also has bytes that nobody has set, other ones in each process. Additional data,
  // such as compensations, show in the size.
  std::string text;
  const auto add = [&](std::int64_t number) { text += std::to_string(number) + ' '; };
  const auto add_all = [&](const dnnl::memory::dims& numbers) {
    for (const dnnl::memory::dim number : numbers) add(number);
    text += '|';
  };
  add(static_cast<std::int64_t>(desc.get_format_kind()));
  add(static_cast<std::int64_t>(desc.get_data_type()));
  add(static_cast<std::int64_t>(desc.get_size()));
  add(desc.get_submemory_offset());
  add_all(desc.get_dims());
  add_all(desc.get_padded_dims());
  add_all(desc.get_padded_offsets());
  if (desc.get_format_kind() == dnnl::memory::format_kind::blocked) {
    add_all(desc.get_strides());
    add_all(desc.get_inner_blks());
    add_all(desc.get_inner_idxs());
  }
  return text;
#else
  return {reinterpret_cast<const char*>(&desc.data), sizeof(desc.data)};
#endif
}

// Some columns of packed weights, [inputs, outputs], whose layout keeps them together: as weights
// of their own, which begin at that element.
struct WeightsPart {
  dnnl::memory::desc desc;
  dnnl::memory::dim begin;
};
inline WeightsPart part_of(const dnnl::memory::desc& weights, dnnl::memory::dim inputs,
                           dnnl::memory::dim first, dnnl::memory::dim columns) {
  const dnnl::memory::desc part = weights.submemory_desc({inputs, columns}, {0, first});
#if DNNL_VERSION_MAJOR >= 3
  const dnnl::memory::dim begin = part.get_submemory_offset();
#else
  const dnnl::memory::dim begin = part.data.offset0;
#endif
  return {weights.submemory_desc({inputs, columns}, {0, 0}), begin};
}

inline void append_eltwise(dnnl::post_ops* post_ops, dnnl::algorithm algorithm, float alpha) {
#if DNNL_VERSION_MAJOR >= 3
  post_ops->append_eltwise(algorithm, alpha, 0.0F);
#else
  post_ops->append_eltwise(1.0F, algorithm, alpha, 0.0F);
#endif
}

// `bias` may be a zero descriptor: none.
inline dnnl::matmul::primitive_desc matmul(const dnnl::memory::desc& source,
                                           const dnnl::memory::desc& weights,
                                           const dnnl::memory::desc& bias,
                                           const dnnl::memory::desc& result,
                                           const dnnl::primitive_attr& attributes) {
#if DNNL_VERSION_MAJOR >= 3
  return {engine(), source, weights, bias, result, attributes};
#else
  return {dnnl::matmul::desc(source, weights, bias, result), attributes, engine()};
#endif
}

// A square kernel with the same stride and padding on all sides.
inline dnnl::convolution_forward::primitive_desc convolution(
    const dnnl::memory::desc& source, const dnnl::memory::desc& weights,
    const dnnl::memory::desc& bias, const dnnl::memory::desc& result, dnnl::memory::dim stride,
    dnnl::memory::dim padding, const dnnl::primitive_attr& attributes) {
  const dnnl::memory::dims strides = {stride, stride}, paddings = {padding, padding};
  constexpr auto kind = dnnl::prop_kind::forward_inference;
  constexpr auto algorithm = dnnl::algorithm::convolution_direct;
#if DNNL_VERSION_MAJOR >= 3
  return {engine(), kind,    algorithm, source,   weights,   bias,
          result,   strides, paddings,  paddings, attributes};
#else
  return {{kind, algorithm, source, weights, bias, result, strides, paddings, paddings},
          attributes,
          engine()};
#endif
}

// True where bfloat16 products are instructions, not emulated.
inline bool has_bfloat16() {
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::sse41:
    case dnnl::cpu_isa::avx:
    case dnnl::cpu_isa::avx2:
    case dnnl::cpu_isa::avx2_vnni:
    case dnnl::cpu_isa::avx512_core:
    case dnnl::cpu_isa::avx512_core_vnni:
      return false;
    default:
      return true;
  }
}

// True where products of bytes are added in 32 bits (VNNI, AMX); else pairs are added in 16 first.
inline bool has_wide_sums() {
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::sse41:
    case dnnl::cpu_isa::avx:
    case dnnl::cpu_isa::avx2:
    case dnnl::cpu_isa::avx512_core:
      return false;
    default:
      return true;
  }
}

}  // namespace clip::onednn
