// A program that knows wmmf only as installed.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <utility>
#include <wmmf.hpp>

namespace {

void expect(bool condition, const char *text) {
    if (!condition) {
        std::cout << "not so: " << text << std::endl;
        std::exit(1);
    }
}
#define EXPECT(condition) expect((condition), #condition)

template <class Call> wmmf_status status_of(Call call) {
    try {
        call();
        return WMMF_OK;
    } catch (const wmmf::error &error) {
        EXPECT(std::string(error.what()).find(wmmf_strerror(error.status())) != std::string::npos);
        EXPECT(error.code().category() == wmmf::category());
        return error.status();
    }
}

} // namespace

int main() {
    const std::string name = "wmmf-external-cpp";
    wmmf::map section = wmmf::map::create(name, 100);
    wmmf::options read_only;
    read_only.read_only = true;

    // Guards lock, show the payload, and unlock at the end of their scope.
    {
        wmmf::write_guard guard = section.lock_write(std::chrono::seconds(1));
        EXPECT(!guard.owner_died());
        EXPECT(guard.bytes().size() == 100);
        std::memcpy(guard.bytes().data(), "hello", 5);
        EXPECT(status_of([&] { section.lock_read(wmmf::timeout::zero()).unlock(); }) == WMMF_E_DEADLOCK);
    }
    EXPECT(section.sequence() == 1);
    {
        wmmf::read_guard guard = section.lock_read();
        const wmmf::read_guard moved = std::move(guard);
        EXPECT(std::memcmp(moved.bytes().data(), "hello", 5) == 0);
    }
    EXPECT(section.audit().readers == 0);

    // Maps move; what was moved from, or closed, says so.
    wmmf::map reader = wmmf::map::open(name, read_only);
    wmmf::map moved = std::move(reader);
    EXPECT(status_of([&] { reader.size(); }) == WMMF_E_CLOSED);
    char text[6] = "";
    moved.read(0, text, 5);
    EXPECT(std::string(text) == "hello");
    EXPECT(moved.info().read_only == 1);
    EXPECT(status_of([&] { moved.write(0, "x", 1); }) == WMMF_E_READ_ONLY);
    EXPECT(status_of([&] { moved.read(99, text, 2); }) == WMMF_E_RANGE);
    EXPECT(status_of([&] { moved.wait(1, std::chrono::milliseconds(1)); }) == WMMF_E_TIMEOUT);
    moved.close();
    EXPECT(status_of([&] { moved.sequence(); }) == WMMF_E_CLOSED);

    bool created = true;
    wmmf::map same = wmmf::map::create_or_open(name, 100, {}, &created);
    EXPECT(!created);
    EXPECT(status_of([&] { wmmf::map::create(name, 100); }) == WMMF_E_EXISTS);
    EXPECT(status_of([&] { wmmf::map::open(std::string("a\0b", 3)); }) == WMMF_E_NAME_INVALID);
    EXPECT(status_of([&] { wmmf::map::open_file("/no/such/file"); }) == WMMF_E_NOT_FOUND);

    // Who is there, and what.
    EXPECT(section.participants().size() == 2);
    EXPECT(section.participants()[0].alive == 1);
    const auto names = wmmf::map::list();
    EXPECT(std::find(names.begin(), names.end(), name) != names.end());
    EXPECT(status_of([] { wmmf::map::list(WMMF_CUSTOM); }) == WMMF_E_ARGUMENT);

    // A writer that goes with the lock in its hands; then a repair.
    wmmf::map writer = wmmf::map::open(name);
    EXPECT(wmmf_lock_write(writer.handle(), 0) == WMMF_OK);
    writer.close();
    {
        wmmf::write_guard guard = same.lock_write(std::chrono::seconds(10));
        EXPECT(guard.owner_died());
        same.mark_consistent();
    }
    section.write(0, "hello", 5);

    // Frames: filled in place, read in place; dropped and released at the end of their scopes.
    wmmf::channel frames = wmmf::channel::create(name + "-frames", 100, 3);
    {
        const wmmf::new_frame dropped = frames.begin();
        EXPECT(status_of([&] { frames.begin(); }) == WMMF_E_DEADLOCK);
    }
    {
        wmmf::new_frame slot = frames.begin();
        std::memcpy(slot.bytes().data(), "picture", 7);
        slot.info().used = 7;
        EXPECT(slot.publish() == 1);
    }
    wmmf::channel looker = wmmf::channel::open(name + "-frames", read_only);
    {
        const wmmf::frame held = frames.acquire();
        EXPECT(held.info().sequence == 1 && held.bytes().size() == 7);
        EXPECT(std::memcmp(held.bytes().data(), "picture", 7) == 0);
        EXPECT(status_of([&] { frames.acquire(1, wmmf::timeout::zero()); }) == WMMF_E_TIMEOUT);
    }
    char picture[100];
    EXPECT(looker.read(picture, sizeof picture).used == 7);
    EXPECT(status_of([&] { looker.begin(); }) == WMMF_E_READ_ONLY);
    EXPECT(frames.info().sequence == 1);

    std::cout << wmmf_version() << " ok" << std::endl;
}
