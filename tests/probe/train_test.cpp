#include "probe/train.h"

#include <doctest/doctest.h>
#include <omp.h>

#include <cmath>
#include <random>
#include <set>

#include "probe/lbfgs.h"
#include "probe/probe.h"
#include "support.h"

using namespace clip;
using namespace clip_test;

namespace {

// Clouds of vectors of length 1 around a direction for each class, all of them to one side of the
// origin, as embeddings are.
struct Clouds {
  Clouds(std::int64_t classes, std::int64_t rows_each, std::int64_t dim, float spread, int seed = 1)
      : path(folder.path("vectors.npy")) {
    std::mt19937 random(static_cast<unsigned>(seed));
    std::normal_distribution<float> normal;
    std::vector<std::vector<float>> centres;
    for (std::int64_t c = 0; c < classes; ++c) {
      std::vector<float> centre;
      for (std::int64_t d = 0; d < dim; ++d) centre.push_back(1 + 0.3F * normal(random));
      centres.push_back(centre);
    }
    NpyWriter writer = NpyWriter::create(path, NpyType::kFloat32, dim);
    for (std::int64_t i = 0; i < classes * rows_each; ++i) {
      std::vector<float> row = centres[static_cast<std::size_t>(i % classes)];
      for (float& value : row) value += spread * normal(random);
      normalize(row.data(), dim);
      writer.write(row.data(), 1);
      rows.rows.push_back(static_cast<std::uint32_t>(i));
      rows.classes.push_back(static_cast<std::int32_t>(i % classes));
    }
    writer.finish();
  }

  const TemporaryFolder folder;
  const std::string path;
  LabelledRows rows;
};

}  // namespace

TEST_CASE("the gradient is the limit of differences of the loss") {
  const Clouds clouds(4, 30, 7, 0.4F);
  const NpyRows vectors(clouds.path);
  const FeatureScale scale = scale_of(vectors, clouds.rows);
  const SoftmaxRegression regression(vectors, clouds.rows, 4, scale, nullptr);
  std::mt19937 random(2);
  std::normal_distribution<double> normal(0, 0.5);
  for (const double l2 : {0.0, 0.3, 20.0}) {
    std::vector<double> x(regression.variables());
    for (double& value : x) value = normal(random);
    std::vector<double> gradient(x.size()), ignored(x.size());
    regression.value(x, l2, &gradient);
    for (std::size_t i = 0; i < x.size(); ++i) {
      constexpr double kStep = 1e-2;  // products are in float
      std::vector<double> near = x;
      near[i] = x[i] + kStep;
      const double above = regression.value(near, l2, &ignored);
      near[i] = x[i] - kStep;
      const double below = regression.value(near, l2, &ignored);
      CHECK(std::abs((above - below) / (2 * kStep) - gradient[i]) < 1e-4);
    }
  }
}

TEST_CASE("the loss is that of its definition, in the vectors' own scale") {
  const Clouds clouds(3, 20, 5, 0.4F);
  const NpyRows vectors(clouds.path);
  const FeatureScale scale = scale_of(vectors, clouds.rows);
  const SoftmaxRegression regression(vectors, clouds.rows, 3, scale, nullptr);
  std::mt19937 random(3);
  std::normal_distribution<double> normal;
  std::vector<double> x(regression.variables()), gradient(x.size());
  for (double& value : x) value = normal(random);
  const double value = regression.value(x, 0.7, &gradient);
  const LinearClassifier classifier = regression.classifier(x);
  double loss = 0, squares = 0;
  for (std::int64_t i = 0; i < clouds.rows.count(); ++i) {
    std::vector<float> row(5);
    vectors.read(i, 1, row.data());
    std::vector<double> logits;
    double sum = 0;
    for (std::int64_t c = 0; c < 3; ++c) {
      double logit = classifier.biases[static_cast<std::size_t>(c)];
      for (int d = 0; d < 5; ++d)
        logit += double(classifier.weights.row(c)[d]) * row[static_cast<std::size_t>(d)];
      logits.push_back(logit);
      sum += std::exp(logit);
    }
    loss += std::log(sum) -
            logits[static_cast<std::size_t>(clouds.rows.classes[static_cast<std::size_t>(i)])];
  }
  for (const float weight : classifier.weights.values) squares += double(weight) * weight;
  CHECK(value * double(clouds.rows.count()) ==
        doctest::Approx(loss + 0.35 * squares).epsilon(1e-5));
  const ClassifierQuality quality = quality_of(classifier, vectors, clouds.rows, nullptr);
  CHECK(quality.cross_entropy == doctest::Approx(loss / 60).epsilon(1e-5));
}

TEST_CASE("classes that are apart are learned, whatever the number of threads") {
  const Clouds clouds(5, 60, 16, 0.25F);
  const NpyRows vectors(clouds.path);
  TrainOptions options;
  int steps = 0;
  options.progress = [&](int step, int) { steps = step; };
  const Trained trained = train_probe(vectors, clouds.rows, 5, options);
  CHECK(trained.training.accuracy() > 0.97);
  CHECK(trained.validation.accuracy() > 0.9);
  CHECK(trained.validation.rows == 60);
  CHECK(trained.tried.size() >= 13);
  CHECK(steps == static_cast<int>(trained.tried.size()) + 1);
  for (std::size_t i = 1; i < trained.tried.size(); ++i) {
    CHECK(trained.tried[i - 1].l2 < trained.tried[i].l2);
  }
  for (const TriedStrength& tried : trained.tried) {
    CHECK(tried.accuracy <= trained.validation.accuracy());
    if (tried.l2 >= 1e-3) CHECK(tried.converged);
  }

  const int before = omp_get_max_threads();
  omp_set_num_threads(1);
  const Trained alone = train_probe(vectors, clouds.rows, 5, options);
  omp_set_num_threads(3);
  const Trained three = train_probe(vectors, clouds.rows, 5, options);
  omp_set_num_threads(before);
  CHECK(alone.classifier.weights.values == three.classifier.weights.values);
  CHECK(alone.classifier.biases == three.classifier.biases);
  CHECK(alone.l2 == three.l2);
}

TEST_CASE("the strongest penalty leaves the classes' frequencies") {
  const Clouds clouds(3, 40, 8, 0.3F);
  const NpyRows vectors(clouds.path);
  LabelledRows uneven;
  for (std::size_t i = 0; i < clouds.rows.rows.size(); ++i) {
    if (clouds.rows.classes[i] == 2 && i > 40) continue;
    uneven.rows.push_back(clouds.rows.rows[i]);
    uneven.classes.push_back(clouds.rows.classes[i]);
  }
  TrainOptions options;
  options.l2 = 1e9;
  const Trained trained = train_probe(vectors, uneven, 3, options);
  CHECK(trained.tried.empty());
  double of_last = 0;
  for (const std::int32_t each : uneven.classes) of_last += each == 2 ? 1 : 0;
  const double odds = std::exp(double(trained.classifier.biases[2]) - trained.classifier.biases[0]);
  CHECK(odds == doctest::Approx(of_last / 40).epsilon(1e-3));
  for (const float weight : trained.classifier.weights.values) CHECK(std::abs(weight) < 1e-3F);
}

TEST_CASE("a share of each class is held out, by the seed alone") {
  LabelledRows all;
  for (std::uint32_t i = 0; i < 100; ++i) {
    all.rows.push_back(i);
    all.classes.push_back(i < 60 ? 0 : i < 97 ? 1 : i < 99 ? 2 : 3);
  }
  LabelledRows rest, out, again_rest, again_out, other_rest, other_out;
  hold_out(all, 4, 0.2, 0, &rest, &out);
  hold_out(all, 4, 0.2, 0, &again_rest, &again_out);
  hold_out(all, 4, 0.2, 1, &other_rest, &other_out);
  CHECK(out.rows == again_out.rows);
  CHECK(out.rows != other_out.rows);
  std::vector<int> counts(4);
  for (const std::int32_t each : out.classes) ++counts[static_cast<std::size_t>(each)];
  CHECK(counts == std::vector<int>{12, 7, 1, 0});
  std::set<std::uint32_t> together(rest.rows.begin(), rest.rows.end());
  together.insert(out.rows.begin(), out.rows.end());
  CHECK(together.size() == 100);
  CHECK(rest.count() + out.count() == 100);
}

TEST_CASE("what cannot be swept or is cancelled is an error") {
  const Clouds clouds(3, 1, 4, 0.1F);
  const NpyRows vectors(clouds.path);
  CHECK(code_of([&] { train_probe(vectors, clouds.rows, 3, {}); }) == ErrorCode::kInvalidArgument);
  TrainOptions options;
  options.l2 = 1;
  CHECK(train_probe(vectors, clouds.rows, 3, options).training.rows == 3);
  CancelToken stop;
  stop.cancel();
  options.stop = &stop;
  CHECK(code_of([&] { train_probe(vectors, clouds.rows, 3, options); }) == ErrorCode::kCancelled);
}

TEST_CASE("a probe is read as it was written") {
  const TemporaryFolder folder;
  Probe probe;
  probe.classes = {"cat", "hot \"dog\"", "日本"};
  probe.model = std::string(64, 'a');
  probe.l2 = 0.0316227766;
  probe.classifier.weights = {3, 2, {1, 2, 3, 4, 5.5F, -6}};
  probe.classifier.biases = {0.25F, 0, -1};
  const std::string path = folder.write("probe.safetensors", probe_file(probe));
  Probe read = read_probe(path);
  CHECK(read.classes == probe.classes);
  CHECK(read.model == probe.model);
  CHECK(read.l2 == probe.l2);
  CHECK_FALSE(read.validation_accuracy.has_value());
  CHECK(read.classifier.weights.dim == 2);
  CHECK(read.classifier.weights.values == probe.classifier.weights.values);
  CHECK(read.classifier.biases == probe.classifier.biases);
  probe.validation_accuracy = 0.875;
  CHECK(read_probe(folder.write("b", probe_file(probe))).validation_accuracy == 0.875);

  probe.classes[1] = "\xff";
  CHECK(contains(error_of([&] { probe_file(probe); }), "UTF-8"));
}

TEST_CASE("files that are no probes are errors that name them") {
  const TemporaryFolder folder;
  Probe probe;
  probe.classes = {"a", "b"};
  probe.model = std::string(64, 'a');
  probe.l2 = 1;
  probe.classifier.weights = {2, 2, {1, 2, 3, 4}};
  probe.classifier.biases = {0, 0};
  const std::string right = probe_file(probe);
  const auto refuse = [&](std::string bytes, const std::string& why) {
    const std::string path = folder.write("no.safetensors", bytes);
    const std::string error = error_of([&] { read_probe(path); });
    CHECK_MESSAGE(contains(error, "no.safetensors"), error);
    CHECK_MESSAGE(contains(error, why), error);
  };
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string bytes = right;
    const std::size_t at = bytes.find(from);
    REQUIRE(at != std::string::npos);
    REQUIRE(from.size() == to.size());
    return bytes.replace(at, from.size(), to);
  };
  CHECK(error_of([&] { read_probe(folder.write("yes", right)); }).empty());
  refuse("no", "safetensors");
  refuse(right.substr(0, right.size() - 1), "cut short");
  refuse(changed("probe 1", "probe 2"), "no probe");
  refuse(changed("weight\"", "height\""), "weight");
  refuse(changed("[\\\"a\\\",\\\"b\\\"]", "[\\\"a\\\",\\\"a\\\"]"), "different names");
  refuse(changed("[\\\"a\\\",\\\"b\\\"]", "[\\\"a\\\",     ]"), "list of names");
  refuse(changed("\"l2\":\"1\"", "\"l2\":\"x\""), "l2");
  std::string nan = right;
  nan.replace(nan.size() - 4, 4, "\xff\xff\xff\x7f");
  refuse(nan, "not finite");
  CHECK(code_of([&] { read_probe(folder.path("missing")); }) == ErrorCode::kNotFound);
}
