/* Prints a line for each frame of a channel, such as a camera of `pywinmmf camera share`.
 *
 *   frame_reader NAME [NAMESPACE [FRAMES]]     local, global or any (default); frames to read (default: no end)
 *
 * Compile it with the headers and the library of the Python package, or with those that CMake installed (pkg-config):
 *
 *   library="$(pywinmmf --library)"
 *   g++ -std=c++17 -I"$(pywinmmf --include-dir)" frame_reader.cpp "$library" \
 *       -Wl,-rpath,"$(dirname "$library")" -o frame_reader
 *
 * It asks for read rights only, which every user has for a shared camera, and reads each frame in place. */
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <iostream>
#include <numeric>
#include <stdexcept>
#include <string>
#include <wmmf.hpp>

static void show(const wmmf::frame &frame) {
    const wmmf_frame &info = frame.info();
    const auto add = [](uint64_t sum, std::byte value) { return sum + std::to_integer<uint64_t>(value); };
    const uint64_t sum = std::accumulate(frame.bytes().begin(), frame.bytes().end(), uint64_t{0}, add);
    std::cout << "frame " << info.sequence << ": " << info.width << " x " << info.height << " "
              << wmmf::fourcc_text(info.fourcc) << ", mean " << sum / std::max<uint64_t>(1, info.used) << ", missed "
              << info.missed << std::endl;
}

/* WMMF_ANY: the global namespace, where a camera is shared if the rights allow it, and if nothing has the name there,
 * the local one. */
static wmmf_namespace known(const std::string &name_space) {
    if (name_space == "local")
        return WMMF_LOCAL;
    if (name_space == "global")
        return WMMF_GLOBAL;
    if (name_space == "any")
        return WMMF_ANY;
    throw std::invalid_argument("NAMESPACE " + name_space + ": expected local, global or any");
}

static wmmf::channel open(const std::string &name, const std::string &name_space) {
    wmmf::options options;
    options.name_space = known(name_space);
    options.read_only = true;
    return wmmf::channel::open(name, options);
}

static uint64_t positive(const std::string &text) {
    uint64_t number = 0;
    const char *end = text.data() + text.size();
    const auto [rest, problem] = std::from_chars(text.data(), end, number);
    if (problem != std::errc{} || rest != end || number == 0)
        throw std::invalid_argument("FRAMES " + text + ": expected a whole number above 0");
    return number;
}

int main(int count, char **arguments) try {
    if (count < 2 || count > 4) {
        std::cerr << "frame_reader NAME [NAMESPACE [FRAMES]]\n";
        return 2;
    }
    uint64_t left = count > 3 ? positive(arguments[3]) : UINT64_MAX;
    wmmf::channel channel = open(arguments[1], count > 2 ? arguments[2] : "any");
    uint64_t had = 0;
    while (left > 0) {
        try {
            const wmmf::frame frame = channel.acquire(had, std::chrono::seconds(1));
            had = frame.info().sequence;
            show(frame);
            left--;
        } catch (const wmmf::error &error) {
            if (error.status() != WMMF_E_TIMEOUT)
                throw;
            std::cout << "no new frame for a second" << std::endl;
        }
    }
} catch (const std::exception &error) {
    std::cerr << error.what() << "\n";
    return 1;
}
