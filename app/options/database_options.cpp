#include "options/database_options.h"

namespace clip_cli {
namespace {

constexpr const char* kGroup = "Database";

}  // namespace

void add_database_options(CLI::App* command, DatabaseOptions* options,
                          const std::vector<const char*>& others) {
  CLI::Option* database =
      command
          ->add_option("--database", options->address,
                       "Search a table in PostgreSQL, not a folder: postgresql://HOST/NAME\n"
                       "Or whatever else libpq takes. Passwords are best in PGPASSWORD or "
                       "~/.pgpass.")
          ->type_name("ADDRESS")
          ->group(kGroup);
  for (const char* other : others) database->excludes(command->get_option(other));
  const auto add = [&](const char* name, std::string* value, const char* help) {
    command->add_option(name, *value, help)->needs(database)->type_name("NAME")->group(kGroup);
  };
  add("--table", &options->table, "The table, with its schema or without [images]");
  add("--column", &options->column, "Its column of vectors: vector, halfvec or real[] [embedding]");
  add("--key", &options->key, "Its column that says which image it is [path]");
}

}  // namespace clip_cli
