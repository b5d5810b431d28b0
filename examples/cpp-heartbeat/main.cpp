// Beats at a steady pace, reports how late each beat was, counts over restarts, and ends orderly at SIGTERM.

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

namespace {

volatile std::sig_atomic_t stop_requested = 0;

void on_terminate(int) { stop_requested = 1; }

std::string environment(const char *name, const char *otherwise) {
  const char *value = std::getenv(name);
  return value == nullptr ? otherwise : value;
}

// The number behind "key": in flat JSON text. Enough for a flat configuration of numbers; a real bot uses a parser.
long number(const std::string &json, const std::string &key, long otherwise) {
  const auto at = json.find("\"" + key + "\"");
  if (at == std::string::npos) return otherwise;
  const auto colon = json.find(':', at);
  if (colon == std::string::npos) return otherwise;
  const char *begin = json.c_str() + colon + 1;
  char *end = nullptr;
  const long value = std::strtol(begin, &end, 10);
  return end == begin ? otherwise : value;
}

long long now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

void log(const char *message, long beats) {
  std::fprintf(stderr, "{\"level\":\"info\",\"message\":\"%s\",\"beats\":%ld,\"timestamp\":%lld}\n", message, beats,
               now_ms());
}

std::string read_file(const std::string &path) {
  std::string text;
  if (std::FILE *file = std::fopen(path.c_str(), "r")) {
    char buffer[256];
    const auto size = std::fread(buffer, 1, sizeof buffer, file);
    text.assign(buffer, size);
    std::fclose(file);
  }
  return text;
}

bool save(const std::string &path, long beats) {
  const std::string next = path + ".tmp";
  std::FILE *file = std::fopen(next.c_str(), "w");
  if (file == nullptr) return false;
  const bool written = std::fprintf(file, "{\"beats\":%ld}", beats) > 0;
  return std::fclose(file) == 0 && written && std::rename(next.c_str(), path.c_str()) == 0;
}

} // namespace

int main() {
  struct sigaction action = {};
  action.sa_handler = on_terminate; // Without SA_RESTART: the signal ends the sleep below.
  sigaction(SIGTERM, &action, nullptr);

  const long interval_ms = number(environment("BOT_CONFIG", "{}"), "interval_ms", 2000);
  if (interval_ms < 10) {
    std::fprintf(stderr, "{\"level\":\"error\",\"message\":\"interval_ms is %ld; at least 10 is needed\"}\n", interval_ms);
    return 2;
  }
  const std::string state_file = environment("STATE_DIR", "/state/.the0-state") + "/beats.json";
  long beats = number(read_file(state_file), "beats", 0);
  log("started", beats);

  timespec due = {};
  clock_gettime(CLOCK_MONOTONIC, &due);
  while (!stop_requested) {
    due.tv_nsec += (interval_ms % 1000) * 1000000L;
    due.tv_sec += interval_ms / 1000 + due.tv_nsec / 1000000000L;
    due.tv_nsec %= 1000000000L;
    if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, nullptr) != 0) continue;
    timespec now = {};
    clock_gettime(CLOCK_MONOTONIC, &now);
    const long late_us = (now.tv_sec - due.tv_sec) * 1000000L + (now.tv_nsec - due.tv_nsec) / 1000L;
    beats += 1;
    std::printf("{\"_metric\":\"heartbeat\",\"beats\":%ld,\"late_us\":%ld,\"timestamp\":%lld}\n", beats, late_us, now_ms());
    std::fflush(stdout);
    if (!save(state_file, beats)) {
      log("the state cannot be saved", beats);
      return 1;
    }
  }
  log("stopped", beats);
  return 0;
}
