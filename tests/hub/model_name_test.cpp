#include "hub/model_name.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "base/strings.h"
#include "support.h"

using namespace clip;
using clip_test::code_of;
using clip_test::error_of;
using Kind = ModelName::Kind;

TEST_CASE("names are forgiven their case and separators") {
  for (const char* name :
       {"ViT-B/32", "vit-b-32", "ViT_B_32", "vitb32", "ViT-B-32.pt", "vit b 32"}) {
    REQUIRE(find_by_name(name) != nullptr);
    CHECK(find_by_name(name)->name == std::string("ViT-B/32"));
  }
  for (const char* name : {"ViT-L/14@336px", "vit-l-14-336", "ViT-L-14-336px.pt", "vitl14@336PX"}) {
    REQUIRE(find_by_name(name) != nullptr);
    CHECK(find_by_name(name)->name == std::string("ViT-L/14@336px"));
  }
  CHECK(find_by_name("ViT-L/14")->name == std::string("ViT-L/14"));
  CHECK(find_by_name("rn50X64")->name == std::string("RN50x64"));
  for (const char* name : {"", "/", "ViT", "ViT-B/33", "RN50x", "RN5", ".pt"}) {
    CHECK(find_by_name(name) == nullptr);
  }
}

TEST_CASE("every published model is found by its name and its file") {
  std::set<std::string> files, digests;
  for (const PublishedModel& model : published_models()) {
    CHECK(find_by_name(model.name) == &model);
    CHECK(find_by_name(model.file) == &model);
    files.insert(model.file);
    digests.insert(model.sha256);
    // The weights are 16-bit for the most part.
    CHECK(model.megabytes * 1e6 > 2.0 * double(model.parameters));
    CHECK(model.megabytes * 1e6 < 2.6 * double(model.parameters));
  }
  CHECK(files.size() == 9);
  CHECK(digests.size() == 9);
}

TEST_CASE("the nearest name is suggested") {
  CHECK(nearest_name("ViT-B/33", published_names()) == "ViT-B/32");
  CHECK(nearest_name("RN50x46", published_names()) == "RN50x4");
  CHECK(nearest_name("vit-l-14-336", published_names()) == "ViT-L/14@336px");
  CHECK(!nearest_name("", published_names()).empty());
}

TEST_CASE("OpenAI's names are its files") {
  for (const char* name : {"ViT-B/32", "vit-b-32", "ViT_B_32", "ViT-B-32.pt"}) {
    const ModelName found = parse_model_name(name);
    CHECK(found.kind == Kind::kPublished);
    CHECK(found.published == find_by_name("ViT-B/32"));
    CHECK(found.catalog->repository == "timm/vit_base_patch32_clip_224.openai");
  }
}

TEST_CASE("open_clip's names are repositories, with any of its separators") {
  for (const char* name :
       {"ViT-B-32/laion2b_s34b_b79k", "ViT-B-32:laion2b_s34b_b79k", "ViT-B-32,laion2b_s34b_b79k",
        "ViT-B-32::laion2b_s34b_b79k", "ViT-B-32__laion2b_s34b_b79k",
        "open_clip:ViT-B-32/laion2b_s34b_b79k", "vit-b-32/LAION2B-s34b-b79k",
        "ViT-B/32/laion2b_s34b_b79k", "hf:laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
        "hf_clip:laion/clip-vit-b-32-laion2b-s34b-b79k", "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"}) {
    CAPTURE(name);
    const ModelName found = parse_model_name(name);
    CHECK(found.kind == Kind::kRepository);
    CHECK(found.repository == "laion/CLIP-ViT-B-32-laion2B-s34B-b79K");
    CHECK(found.revision == "main");
    CHECK(found.catalog->name() == "ViT-B-32/laion2b_s34b_b79k");
  }
  for (const char* name :
       {"ViT-L-14-quickgelu/dfn2b", "ViT-L-14/dfn2b", "vit-l-14-quickgelu,dfn2b"}) {
    CHECK(parse_model_name(name).repository == "apple/DFN2B-CLIP-ViT-L-14");
  }
  CHECK(parse_model_name("ViT-B-32/openai").repository == "timm/vit_base_patch32_clip_224.openai");
  CHECK(parse_model_name("ViT-L/14@336px/openai").repository ==
        "timm/vit_large_patch14_clip_336.openai");
  CHECK(code_of([] { parse_model_name("ViT-B-32-quickgelu/laion2b_s34b_b79k"); }) ==
        ErrorCode::kInvalidArgument);
}

TEST_CASE("every model of the catalog is found by its name and its repository, or says why not") {
  for (const CatalogModel& model : catalog()) {
    const std::string name = model.name();
    CAPTURE(name);
    for (const std::string& named : {name, model.architecture + "::" + model.tag,
                                     "hf-hub:" + model.repository, model.repository}) {
      if (model.runs()) {
        CHECK(parse_model_name(named).repository == model.repository);
      } else {
        CHECK(clip_test::contains(error_of([&] { parse_model_name(named); }), model.cannot_run));
        CHECK(code_of([&] { parse_model_name(named); }) == ErrorCode::kUnsupported);
      }
    }
  }
}

TEST_CASE("repositories, with revisions") {
  const ModelName plain = parse_model_name("patrickjohncyh/fashion-clip");
  CHECK(plain.repository == "patrickjohncyh/fashion-clip");
  for (const char* page : {"https://huggingface.co/patrickjohncyh/fashion-clip",
                           "https://huggingface.co/patrickjohncyh/fashion-clip/",
                           "http://hf.co/patrickjohncyh/fashion-clip"}) {
    CHECK(parse_model_name(page).repository == plain.repository);
    CHECK(parse_model_name(page).revision == "main");
  }
  CHECK(parse_model_name("https://huggingface.co/a/b/tree/v1.0").revision == "v1.0");
  CHECK(parse_model_name("huggingface.co/a/b/blob/main/open_clip_model.safetensors").repository ==
        "a/b");
  CHECK(parse_model_name("https://hf.co/a/b/resolve/v2/x/y.bin").revision == "v2");
  CHECK(code_of([] { parse_model_name("https://huggingface.co/a/b/c"); }) ==
        ErrorCode::kInvalidArgument);
  CHECK(code_of([] { parse_model_name("https://huggingface.co/"); }) ==
        ErrorCode::kInvalidArgument);
  CHECK(plain.catalog == nullptr);
  const ModelName request = parse_model_name("openai/clip-vit-base-patch32@refs/pr/15");
  CHECK(request.repository == "openai/clip-vit-base-patch32");
  CHECK(request.revision == "refs/pr/15");
  CHECK(parse_model_name("hf:gpt2").repository == "gpt2");
  CHECK(parse_model_name("hf:ViT-B/33").repository == "ViT-B/33");
  for (const char* bad : {"hf:", "hf:a/b/c", "hf:../x", "hf:a/..", "hf:a/b--c", "hf:a/.b",
                          "hf:a /b", "hf:/etc/passwd", "hf:a/b.git", "hf:a/b@", "hf:a/b@../x",
                          "hf:a/b@a//b", "hf:a/b@x y", "hf:a/b@/x", "a/b@../../x"}) {
    CAPTURE(bad);
    CHECK(code_of([&] { parse_model_name(bad); }) == ErrorCode::kInvalidArgument);
  }
  CHECK_FALSE(is_repository_id(std::string(97, 'a')));
}

TEST_CASE("paths") {
  const clip_test::TemporaryFolder folder;
  for (const char* name :
       {"/no/such/model", "./x", "../x", "~/x", "x.pt", "models/x.safetensors", "local-dir:x"}) {
    CAPTURE(name);
    CHECK(parse_model_name(name).kind == Kind::kPath);
  }
  CHECK(parse_model_name("local-dir:/x/y").path == "/x/y");
  CHECK(code_of([] { parse_model_name("local-dir:"); }) == ErrorCode::kInvalidArgument);
  CHECK(code_of([] { parse_model_name(""); }) == ErrorCode::kInvalidArgument);
}

TEST_CASE("a file or a model's folder that is here wins over a name") {
  const clip_test::TemporaryFolder folder;
  const std::string back = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  folder.write("RN50/notes.txt", "a folder that is no model's");
  folder.write("laion/copy/open_clip_config.json", "{}");
  folder.write("ViT-B-32/openai", "a file");
  CHECK(parse_model_name("RN50").kind == Kind::kPublished);
  CHECK(parse_model_name("laion/copy").kind == Kind::kPath);
  CHECK(parse_model_name("ViT-B-32/openai").kind == Kind::kPath);
  CHECK(parse_model_name("hf:laion/copy").kind == Kind::kRepository);
  folder.write("RN50/model.safetensors", "");
  CHECK(parse_model_name("RN50").kind == Kind::kPath);
  std::filesystem::current_path(back);
}

TEST_CASE("what is no name suggests one") {
  const struct {
    const char* named;
    const char* near;
  } wrong[] = {{"ViT-B/33", "did you mean ViT-B/32?"},
               {"RN50x46", "did you mean RN50x4?"},
               {"ViT-B-32/laion2b_s34b_b79", "did you mean ViT-B-32/laion2b_s34b_b79k?"},
               {"ViT-H-14/laion", "ViT-H-14 has no weights tagged laion"},
               {"ViT-H-14", "ViT-H-14/dfn5b"},
               {"open_clip:nothing", "neither a file nor a published model nothing"}};
  for (const auto& each : wrong) {
    CAPTURE(each.named);
    CHECK(code_of([&] { parse_model_name(each.named); }) == ErrorCode::kNotFound);
    CHECK(clip_test::contains(error_of([&] { parse_model_name(each.named); }), each.near));
  }
}
