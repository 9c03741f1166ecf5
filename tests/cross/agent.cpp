/* The matrix's agent in C++: does with wmmf.hpp what its standard input asks for (README.md has the protocol). */
#include <algorithm>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "wmmf.hpp"

namespace {

using fields = std::vector<std::string>;

constexpr wmmf::timeout patience = std::chrono::seconds(10);

std::optional<wmmf::map> section;
std::optional<wmmf::read_guard> reading;
std::optional<wmmf::write_guard> writing;

wmmf::map &current() {
    if (!section)
        throw wmmf::error(WMMF_E_ARGUMENT, "no section is open");
    return *section;
}

template <class Guard> Guard &held(std::optional<Guard> &guard) {
    current();
    if (!guard)
        throw wmmf::error(WMMF_E_NOT_OWNER, "the lock is not held");
    return *guard;
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

std::string hex(wmmf::span<std::byte> bytes) {
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

wmmf::options options(const fields &request) {
    if (section)
        throw wmmf::error(WMMF_E_ARGUMENT, "a section is open already");
    wmmf::options result;
    result.name_space = static_cast<wmmf_namespace>(number(request[3]));
    result.layout = static_cast<wmmf_layout>(number(request[4]));
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
    wmmf::options given = options(request);
    given.access = static_cast<wmmf_access>(number(request[5]));
    section.emplace(wmmf::map::create(unhex(request[1]), number(request[2]), given));
    return "ok";
}

std::string open(const fields &request) {
    wmmf::options given = options(request);
    given.read_only = request[5] == "1";
    section.emplace(wmmf::map::open(unhex(request[1]), given, number(request[2])));
    return "ok " + std::to_string(section->size());
}

std::string close(const fields &) {
    writing.reset();
    reading.reset();
    section.reset();
    return "ok";
}

std::string lock_read(const fields &request) {
    wmmf::read_guard guard = current().lock_read(timeout(request[1]));
    reading.emplace(std::move(guard));
    return "ok";
}

std::string unlock_read(const fields &) {
    held(reading).unlock();
    reading.reset();
    return "ok";
}

std::string lock_write(const fields &request) {
    wmmf::write_guard guard = current().lock_write(timeout(request[1]));
    writing.emplace(std::move(guard));
    return writing->owner_died() ? "error " + std::to_string(WMMF_E_OWNER_DIED) : "ok";
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
    current().write(number(request[1]), bytes.data(), bytes.size(), patience);
    return "ok";
}

std::string check(const fields &request) {
    const auto expected = pattern(number(request[2]), number(request[3]));
    std::vector<std::byte> bytes(expected.size());
    current().read(number(request[1]), bytes.data(), bytes.size(), patience);
    const auto different = std::mismatch(bytes.begin(), bytes.end(), expected.begin()).first;
    return different == bytes.end() ? "ok" : "mismatch " + std::to_string(different - bytes.begin());
}

std::string poke(const fields &request) {
    const std::string bytes = unhex(request[2]);
    const auto to = place(number(request[1]), bytes.size());
    std::transform(bytes.begin(), bytes.end(), to.begin(), [](char byte) { return static_cast<std::byte>(byte); });
    return "ok";
}

std::string peek(const fields &request) {
    return "ok " + hex(place(number(request[1]), number(request[2])));
}

std::string sequence(const fields &) {
    return "ok " + std::to_string(current().sequence());
}

std::string wait(const fields &request) {
    return "ok " + std::to_string(current().wait(number(request[1]), timeout(request[2])));
}

std::string audit(const fields &) {
    const wmmf_audit_report report = current().audit();
    return "ok " + std::to_string(report.damaged) + " " + std::to_string(report.poisoned);
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
    {"open", {6, open}},
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
    {"audit", {1, audit}},
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
