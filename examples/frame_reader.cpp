/* Prints a line for each frame of a channel, such as a camera of `pywinmmf camera share`.
 *
 *   frame_reader NAME [NAMESPACE [FRAMES]]     local or global; how many, else until it is ended
 *
 * Frames are read in place, which takes write rights: a reader notes in the channel which frame it reads. With read
 * rights only, set options.read_only and copy frames with channel.read(). */
#include <algorithm>
#include <cstdint>
#include <iostream>
#include <numeric>
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

int main(int count, char **arguments) try {
    if (count < 2 || count > 4) {
        std::cerr << "frame_reader NAME [NAMESPACE [FRAMES]]\n";
        return 2;
    }
    wmmf::options options;
    options.name_space = count > 2 && std::string(arguments[2]) == "global" ? WMMF_GLOBAL : WMMF_LOCAL;
    wmmf::channel channel = wmmf::channel::open(arguments[1], options);
    uint64_t had = 0;
    for (uint64_t left = count > 3 ? std::stoull(arguments[3]) : UINT64_MAX; left > 0;) {
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
