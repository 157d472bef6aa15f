#include "hub/catalog.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "hub/architectures.h"

using namespace clip;

TEST_CASE("parameters and operations are those that open_clip publishes") {
  // docs/openclip_results.csv: millions of parameters, and 10^9 operations of an image and a
  // prompt.
  const struct {
    const char* name;
    double parameters, flops;
  } published[] = {
      {"RN50", 102.01, 18.18},
      {"RN101", 119.69, 25.5},
      {"RN50x4", 178.3, 51.82},
      {"RN50x16", 290.98, 162.69},
      {"RN50x64", 623.26, 552.65},
      {"ViT-B-32", 151.28, 14.78},
      {"ViT-B-32-256", 151.29, 17.46},
      {"ViT-B-16", 149.62, 41.09},
      {"ViT-B-16-plus-240", 208.38, 64.03},
      {"ViT-L-14", 427.62, 175.33},
      {"ViT-L-14-336", 427.94, 395.22},
      {"ViT-H-14", 986.11, 381.68},
      {"ViT-H-14-378", 986.71, 1054.05},
      {"ViT-g-14", 1366.68, 581.15},
      {"ViT-bigG-14", 2539.57, 1065.36},
  };
  CHECK(architectures().size() == std::size(published));
  for (const auto& each : published) {
    CAPTURE(each.name);
    const Architecture* found = find_architecture(each.name);
    REQUIRE(found != nullptr);
    CHECK(1e-6 * double(parameters_of(*found)) == doctest::Approx(each.parameters).epsilon(1e-4));
    const double flops = 1e-9 * (image_flops_of(*found) + text_flops_of(*found));
    CHECK(flops == doctest::Approx(each.flops).epsilon(0.04));
  }
  CHECK(find_architecture("ViT-B/32") == nullptr);
  const double base = image_flops_of(*find_architecture("ViT-B-32"));
  CHECK(image_flops_of(*find_architecture("ViT-B-16")) / base ==
        doctest::Approx(4.0).epsilon(0.05));
}

TEST_CASE("every model of the catalog has what it needs") {
  CHECK(catalog().size() == 171);
  std::set<std::string> names;
  int running = 0, listed = 0;
  for (const CatalogModel& model : catalog()) {
    CAPTURE(model.name());
    CHECK(names.insert(model.name()).second);
    CHECK(model.repository.find('/') != std::string::npos);
    CHECK(std::set<std::string>{"quick_gelu", "gelu"}.count(model.activation) == 1);
    CHECK(std::set<std::string>{"openai", "half", "imagenet", "zero_one"}.count(model.mean_std) ==
          1);
    CHECK(std::set<std::string>{"bicubic", "bilinear"}.count(model.interpolation) == 1);
    CHECK(std::set<std::string>{"shortest", "squash"}.count(model.resize) == 1);
    if (model.imagenet_top1) CHECK((*model.imagenet_top1 > 1 && *model.imagenet_top1 < 90));
    CHECK((model.dimensions() != nullptr) == model.runs());
    running += model.runs();
    listed += model.listed;
    if (model.listed) CHECK((model.runs() && model.imagenet_top1));
  }
  CHECK(running == 70);
  CHECK(listed == 12);
}

TEST_CASE("OpenAI's files and the catalog name each other") {
  for (const PublishedModel& model : published_models()) {
    const CatalogModel& same = in_catalog(model);
    CHECK(same.published() == &model);
    CHECK(parameters_of(*same.dimensions()) == model.parameters);
    CHECK(*same.imagenet_top1 == doctest::Approx(model.imagenet_top1).epsilon(0.01));
    CHECK(addresses_of(model).size() == 3);
  }
  CHECK(in_catalog(
            *find_by_sha256("3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02"))
            .repository == "timm/vit_large_patch14_clip_336.openai");
}

TEST_CASE("a repository is found in any case") {
  const CatalogModel* found = find_by_repository("LAION/clip-vit-b-32-laion2b-s34b-b79k");
  REQUIRE(found != nullptr);
  CHECK(found->name() == "ViT-B-32/laion2b_s34b_b79k");
  CHECK(find_by_repository("laion/none") == nullptr);
  CHECK(find_by_repository("timm/ViT-B-16-SigLIP")->cannot_run == "SigLIP image tower");
}
