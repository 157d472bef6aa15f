#include "commands/probe.h"

namespace clip_cli {

void setup_probe(CLI::App* probe, Command* command) {
  probe->require_subcommand(1);
  probe->footer(
      "Examples:\n"
      "  clip-cli embed imagenet/val --output train.npy && clip-cli probe train train.npy --output "
      "pets.safetensors\n"
      "  clip-cli embed imagenet/val --output train.npy && clip-cli probe train train.npy --output "
      "pets.safetensors && clip-cli probe apply pets.safetensors photos");
  setup_probe_train(probe, command);
  setup_probe_apply(probe, command);
}

}  // namespace clip_cli
