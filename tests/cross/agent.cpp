/* The matrix's agent in C++: does with wmmf.hpp what its standard input asks for (README.md has the protocol). */
#include <algorithm>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent_system.h"
#include "wmmf.hpp"

namespace {

using fields = std::vector<std::string>;

constexpr wmmf::timeout long_timeout = std::chrono::seconds(10);

std::optional<wmmf::section> section;
std::optional<wmmf::channel> channel;
std::optional<wmmf::read_guard> reading;
std::optional<wmmf::write_guard> writing;
std::optional<wmmf::new_frame> begun;
std::optional<wmmf::frame> taken;
std::vector<std::byte> copied; /* the picture that was taken, of a read-only channel */
uint64_t had = 0;              /* the sequence of the frame taken last */

wmmf::section &current() {
    if (!section)
        throw wmmf::error(WMMF_E_ARGUMENT, "no section is open");
    return *section;
}

wmmf::channel &current_channel() {
    if (!channel)
        throw wmmf::error(WMMF_E_ARGUMENT, "no channel is open");
    return *channel;
}

/* A lock or a frame. */
template <class Held> Held &held(std::optional<Held> &what) {
    if (!section && !channel)
        throw wmmf::error(WMMF_E_ARGUMENT, "nothing is open");
    if (!what)
        throw wmmf::error(WMMF_E_NOT_OWNER, "it is not held");
    return *what;
}

uint64_t number(const std::string &text) {
    return std::stoull(text);
}

wmmf::timeout timeout(const std::string &text) {
    return wmmf::timeout(std::stoll(text));
}

std::string unhex(const std::string &text) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
        bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
    return bytes;
}

std::string hex(wmmf::span<const std::byte> bytes) {
    std::string text;
    for (std::byte byte : bytes) {
        text += "0123456789abcdef"[std::to_integer<int>(byte >> 4)];
        text += "0123456789abcdef"[std::to_integer<int>(byte & std::byte{15})];
    }
    return text;
}

std::vector<std::byte> pattern(uint64_t length, uint64_t seed) {
    std::vector<std::byte> bytes(length);
    for (uint64_t i = 0; i < length; i++)
        bytes[i] = static_cast<std::byte>((seed + i * 7 + (i >> 8)) & 0xff);
    return bytes;
}

wmmf::options options(const std::string &name_space) {
    if (section || channel)
        throw wmmf::error(WMMF_E_ARGUMENT, "something is open already");
    wmmf::options result;
    result.name_space = static_cast<wmmf_namespace>(number(name_space));
    return result;
}

/* `length` bytes at `offset` of the payload, in place. */
wmmf::span<std::byte> place(uint64_t offset, uint64_t length) {
    const auto all = current().bytes();
    if (offset > all.size() || length > all.size() - offset)
        throw wmmf::error(WMMF_E_RANGE, "outside the section");
    return {all.data() + offset, static_cast<std::size_t>(length)};
}

std::string version(const fields &) {
    return "ok " + std::to_string(wmmf_abi_version()) + " " + wmmf_version();
}

std::string create(const fields &request) {
    wmmf::options given = options(request[3]);
    given.layout = static_cast<wmmf_layout>(number(request[4]));
    given.access = static_cast<wmmf_access>(number(request[5]));
    section.emplace(wmmf::section::create(unhex(request[1]), number(request[2]), given));
    return "ok";
}

std::string create_growing(const fields &request) {
    wmmf::options given = options("0");
    given.reserve = number(request[3]);
    section.emplace(wmmf::section::create(unhex(request[1]), number(request[2]), given));
    return "ok";
}

std::string resize(const fields &request) {
    current().resize(number(request[1]));
    return "ok";
}

std::string size(const fields &) {
    return "ok " + std::to_string(current().size());
}

std::string process(const fields &) {
    return "ok " + std::to_string(own_process_id());
}

std::string create_unnamed(const fields &request) {
    section.emplace(wmmf::section::create_unnamed(number(request[1]), options("0")));
    return "ok";
}

std::string share(const fields &request) {
    return "ok " + std::to_string(current().share(static_cast<uint32_t>(number(request[1]))));
}

std::string open_handle(const fields &request) {
    const int64_t handle = handle_from(request[1].c_str(), request[2].c_str());
    section.emplace(wmmf::section::open_handle(handle, options("0")));
    close_handle(handle);
    return size({});
}

std::string open(const fields &request) {
    wmmf::options given = options(request[3]);
    given.layout = static_cast<wmmf_layout>(number(request[4]));
    given.read_only = request[5] == "1";
    section.emplace(wmmf::section::open(unhex(request[1]), given, number(request[2])));
    return "ok " + std::to_string(section->size());
}

std::string close(const fields &) {
    writing.reset();
    reading.reset();
    section.reset();
    begun.reset();
    taken.reset();
    copied.clear();
    had = 0;
    channel.reset();
    return "ok";
}

std::string hold_read(wmmf::read_guard guard) {
    reading.emplace(std::move(guard));
    return "ok";
}

std::string lock_read(const fields &request) {
    return hold_read(current().lock_read(timeout(request[1])));
}

std::string unlock_read(const fields &) {
    held(reading).unlock();
    reading.reset();
    return "ok";
}

std::string hold_write(wmmf::write_guard guard) {
    writing.emplace(std::move(guard));
    return writing->owner_died() ? "error " + std::to_string(WMMF_E_OWNER_DIED) : "ok";
}

std::string lock_write(const fields &request) {
    return hold_write(current().lock_write(timeout(request[1]), true));
}

std::string unlock_write(const fields &) {
    held(writing).unlock();
    writing.reset();
    return "ok";
}

std::string mark_consistent(const fields &) {
    current().mark_consistent();
    return "ok";
}

std::string fill(const fields &request) {
    const auto bytes = pattern(number(request[2]), number(request[3]));
    current().write(number(request[1]), bytes.data(), bytes.size(), long_timeout);
    return "ok";
}

/* `ok` if the bytes are those expected. */
std::string compare(wmmf::span<const std::byte> bytes, const std::vector<std::byte> &expected) {
    const auto same = std::mismatch(bytes.begin(), bytes.end(), expected.begin(), expected.end());
    if (same.first == bytes.end() && same.second == expected.end())
        return "ok";
    return "mismatch " + std::to_string(same.second - expected.begin());
}

std::string check(const fields &request) {
    const auto expected = pattern(number(request[2]), number(request[3]));
    std::vector<std::byte> bytes(expected.size());
    current().read(number(request[1]), bytes.data(), bytes.size(), long_timeout);
    return compare({bytes.data(), bytes.size()}, expected);
}

std::string poke(const fields &request) {
    const std::string bytes = unhex(request[2]);
    const auto to = place(number(request[1]), bytes.size());
    std::transform(bytes.begin(), bytes.end(), to.begin(), [](char byte) { return static_cast<std::byte>(byte); });
    return "ok";
}

std::string peek(const fields &request) {
    const auto bytes = place(number(request[1]), number(request[2]));
    return "ok " + hex({bytes.data(), bytes.size()});
}

std::string sequence(const fields &) {
    return "ok " + std::to_string(current().sequence());
}

std::string wait(const fields &request) {
    return "ok " + std::to_string(current().wait(number(request[1]), timeout(request[2])));
}

std::string notify(const fields &) {
    current().notify();
    return "ok";
}

std::string create_with_locks(const fields &request) {
    wmmf::options given = options("0");
    given.locks = static_cast<uint32_t>(number(request[3]));
    section.emplace(wmmf::section::create(unhex(request[1]), number(request[2]), given));
    return "ok";
}

wmmf::payload_lock lock_at(const fields &request) {
    return current().lock_at(number(request[1]));
}

std::string lock_read_at(const fields &request) {
    return hold_read(lock_at(request).lock_read(timeout(request[2])));
}

std::string lock_write_at(const fields &request) {
    return hold_write(lock_at(request).lock_write(timeout(request[2]), true));
}

std::string mark_consistent_at(const fields &request) {
    lock_at(request).mark_consistent();
    return "ok";
}

std::string poison_at(const fields &request) {
    lock_at(request).poison();
    return "ok";
}

std::string notify_at(const fields &request) {
    lock_at(request).notify();
    return "ok";
}

std::string wait_at(const fields &request) {
    return "ok " + std::to_string(lock_at(request).wait(number(request[2]), timeout(request[3])));
}

std::string audit(const fields &) {
    const wmmf_audit_report report = current().audit();
    return "ok " + std::to_string(report.damaged) + " " + std::to_string(report.poisoned);
}

std::string channel_create(const fields &request) {
    wmmf::options given = options(request[4]);
    given.access = static_cast<wmmf_access>(number(request[5]));
    const auto slots = static_cast<uint32_t>(number(request[3]));
    channel.emplace(wmmf::channel::create(unhex(request[1]), number(request[2]), slots, given));
    return "ok";
}

std::string channel_open(const fields &request) {
    wmmf::options given = options(request[2]);
    given.read_only = request[3] == "1";
    channel.emplace(wmmf::channel::open(unhex(request[1]), given));
    const wmmf_channel_info info = channel->info();
    return "ok " + std::to_string(info.capacity) + " " + std::to_string(info.slots);
}

std::string channel_resize(const fields &request) {
    current_channel().resize(number(request[1]));
    return "ok";
}

std::string begin(const fields &request) {
    begun.emplace(current_channel().begin(timeout(request[1])));
    return "ok";
}

/* From the fields of `publish` and `copy`. */
void describe(const fields &request, wmmf_frame &frame) {
    const std::string user = unhex(request[8]);
    frame.used = number(request[1]);
    frame.width = static_cast<uint32_t>(number(request[3]));
    frame.height = static_cast<uint32_t>(number(request[4]));
    frame.stride = static_cast<uint32_t>(number(request[5]));
    for (int i = 3; i >= 0; i--)
        frame.fourcc = frame.fourcc << 8 | static_cast<unsigned char>(request[6].at(static_cast<std::size_t>(i)));
    frame.timestamp_ns = number(request[7]);
    frame.user_size = static_cast<uint32_t>(user.size());
    std::copy(user.begin(), user.end(), frame.user);
}

std::string publish(const fields &request) {
    wmmf::new_frame &frame = held(begun);
    const auto bytes = pattern(number(request[1]), number(request[2]));
    if (bytes.size() > frame.bytes().size())
        throw wmmf::error(WMMF_E_RANGE, "outside the slot");
    std::copy(bytes.begin(), bytes.end(), frame.bytes().begin());
    describe(request, frame.info());
    const uint64_t sequence = frame.publish();
    begun.reset();
    return "ok " + std::to_string(sequence);
}

std::string drop(const fields &) {
    held(begun);
    begun.reset();
    return "ok";
}

std::string copy(const fields &request) {
    wmmf_frame frame{};
    describe(request, frame);
    const auto bytes = pattern(number(request[1]), number(request[2]));
    return "ok " + std::to_string(current_channel().publish(bytes.data(), frame));
}

/* A copy, because a read-only channel gives no other. */
wmmf_frame take_copy(wmmf::timeout limit) {
    copied.resize(channel->info().capacity);
    const wmmf_frame frame = channel->read(copied.data(), copied.size(), had, limit);
    copied.resize(frame.used);
    return frame;
}

wmmf_frame take(wmmf::timeout limit) {
    taken.reset();
    if (current_channel().info().read_only)
        return take_copy(limit);
    taken.emplace(channel->acquire(had, limit));
    return taken->info();
}

std::string next(const fields &request) {
    const wmmf_frame frame = take(timeout(request[1]));
    had = frame.sequence;
    std::string answer = "ok";
    for (uint64_t value : {frame.sequence, frame.missed, frame.timestamp_ns, uint64_t{frame.width},
                           uint64_t{frame.height}, uint64_t{frame.stride}})
        answer += " " + std::to_string(value);
    answer += " " + wmmf::fourcc_text(frame.fourcc);
    return answer + " " + hex({reinterpret_cast<const std::byte *>(frame.user), frame.user_size});
}

std::string picture(const fields &request) {
    const auto expected = pattern(number(request[1]), number(request[2]));
    if (current_channel().info().read_only)
        return compare({copied.data(), copied.size()}, expected);
    return compare(held(taken).bytes(), expected);
}

std::string release(const fields &) {
    if (current_channel().info().read_only)
        return "ok";
    held(taken);
    taken.reset();
    return "ok";
}

std::string quit(const fields &) {
    close({});
    std::cout << "ok" << std::endl;
    std::exit(0);
}

struct request {
    std::size_t field_count; /* with the name */
    std::function<std::string(const fields &)> run;
};

const std::map<std::string, request> requests = {
    {"version", {1, version}},
    {"create", {6, create}},
    {"create_growing", {4, create_growing}},
    {"resize", {2, resize}},
    {"size", {1, size}},
    {"open", {6, open}},
    {"process", {1, process}},
    {"create_unnamed", {2, create_unnamed}},
    {"share", {2, share}},
    {"open_handle", {3, open_handle}},
    {"close", {1, close}},
    {"lock_read", {2, lock_read}},
    {"unlock_read", {1, unlock_read}},
    {"lock_write", {2, lock_write}},
    {"unlock_write", {1, unlock_write}},
    {"mark_consistent", {1, mark_consistent}},
    {"fill", {4, fill}},
    {"check", {4, check}},
    {"poke", {3, poke}},
    {"peek", {3, peek}},
    {"sequence", {1, sequence}},
    {"wait", {3, wait}},
    {"notify", {1, notify}},
    {"create_with_locks", {4, create_with_locks}},
    {"lock_read_at", {3, lock_read_at}},
    {"unlock_read_at", {2, unlock_read}},
    {"lock_write_at", {3, lock_write_at}},
    {"unlock_write_at", {2, unlock_write}},
    {"mark_consistent_at", {2, mark_consistent_at}},
    {"poison_at", {2, poison_at}},
    {"notify_at", {2, notify_at}},
    {"wait_at", {4, wait_at}},
    {"audit", {1, audit}},
    {"channel_create", {6, channel_create}},
    {"channel_open", {4, channel_open}},
    {"channel_resize", {2, channel_resize}},
    {"begin", {2, begin}},
    {"publish", {9, publish}},
    {"drop", {1, drop}},
    {"copy", {9, copy}},
    {"next", {2, next}},
    {"picture", {3, picture}},
    {"release", {1, release}},
    {"quit", {1, quit}},
};

/* One space separates fields, so a field may be empty. */
fields split(std::string line) {
    fields result;
    if (!line.empty() && line.back() == '\r')
        line.pop_back();
    std::size_t begin = 0, end;
    while ((end = line.find(' ', begin)) != std::string::npos) {
        result.push_back(line.substr(begin, end - begin));
        begin = end + 1;
    }
    result.push_back(line.substr(begin));
    return result;
}

std::string serve(const std::string &line) {
    const fields request = split(line);
    const auto known = requests.find(request[0]);
    if (known == requests.end() || known->second.field_count != request.size())
        return "error " + std::to_string(WMMF_E_ARGUMENT);
    try {
        return known->second.run(request);
    } catch (const wmmf::error &error) {
        return "error " + std::to_string(error.status());
    }
}

} // namespace

int main() {
    for (std::string line; std::getline(std::cin, line);)
        std::cout << serve(line) << std::endl;
    close({});
}
