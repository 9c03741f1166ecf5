// A program that knows wmmf only as installed; its argument is a name for its sections.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <utility>
#include <vector>
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

int main(int argc, char **argv) {
    EXPECT(argc == 2);
    const std::string name = argv[1];
    wmmf::section section = wmmf::section::create(name, 100);
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
    // What an owner takes is not its thread's, and is released by the thread that acts as the owner.
    {
        const wmmf::lock_owner owner;
        {
            const wmmf::lock_owner::acting acting(owner);
            EXPECT(wmmf_lock_read(section.handle(), 0) == WMMF_OK);
        }
        EXPECT(wmmf_unlock_read(section.handle()) == WMMF_E_NOT_OWNER);
        const wmmf::lock_owner::acting acting(owner);
        EXPECT(wmmf_unlock_read(section.handle()) == WMMF_OK);
    }
    EXPECT(section.lock_read().bytes().size() == 100);

    // Maps move; an object that was moved from, or closed, reports that.
    wmmf::section reader = wmmf::section::open(name, read_only);
    wmmf::section moved = std::move(reader);
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
    wmmf::section same = wmmf::section::create_or_open(name, 100, {}, &created);
    EXPECT(!created);
    EXPECT(status_of([&] { wmmf::section::create(name, 100); }) == WMMF_E_EXISTS);
    EXPECT(status_of([&] { wmmf::section::open(std::string("a\0b", 3)); }) == WMMF_E_NAME_INVALID);
    EXPECT(status_of([&] { wmmf::section::open_file("/no/such/file"); }) == WMMF_E_NOT_FOUND);

    // A guard that was moved from, or has unlocked, reports that; one that could not unlock still has the lock.
    {
        wmmf::write_guard guard = section.lock_write();
        wmmf::write_guard moved = std::move(guard);
        EXPECT(status_of([&] { guard.bytes(); }) == WMMF_E_NOT_OWNER);
        EXPECT(status_of([&] { guard.unlock(); }) == WMMF_E_NOT_OWNER);
        {
            const wmmf::lock_owner owner;
            const wmmf::lock_owner::acting acting(owner);
            EXPECT(status_of([&] { moved.unlock(); }) == WMMF_E_NOT_OWNER);
        }
        moved.unlock();
        EXPECT(section.lock_state().writing == 0);
        EXPECT(status_of([&] { moved.unlock(); }) == WMMF_E_NOT_OWNER);
    }

    // Participants, and the list of names.
    EXPECT(section.participants().size() == 2);
    EXPECT(section.participants()[0].alive == 1);
    const auto names = wmmf::section::list();
    EXPECT(std::find(names.begin(), names.end(), name) != names.end());
    EXPECT(status_of([] { wmmf::section::list(WMMF_CUSTOM); }) == WMMF_E_ARGUMENT);

    // A writer that goes with the lock in its hands; then a repair.
    wmmf::section writer = wmmf::section::open(name);
    EXPECT(wmmf_lock_write(writer.handle(), 0) == WMMF_OK);
    writer.close();
    {
        wmmf::write_guard guard = same.lock_write(std::chrono::seconds(10), true);
        EXPECT(guard.owner_died());
        same.mark_consistent();
    }
    section.write(0, "hello", 5);

    // Frames: filled in place, read in place; dropped and released at the end of their scopes.
    const std::string frames_name = name + "-frames";
    wmmf::channel frames = wmmf::channel::create(frames_name, 100, 3);
    {
        const wmmf::new_frame dropped = frames.begin();
        EXPECT(status_of([&] { frames.begin().bytes(); }) == WMMF_E_DEADLOCK);
    }
    {
        wmmf::new_frame begun = frames.begin();
        std::memcpy(begun.bytes().data(), "picture", 7);
        begun.info().used = 101;
        EXPECT(status_of([&] { begun.publish(); }) == WMMF_E_RANGE);
        begun.info().used = 7;
        wmmf::new_frame slot = std::move(begun);
        EXPECT(slot.publish() == 1);
        EXPECT(status_of([&] { slot.publish(); }) == WMMF_E_CLOSED);
        EXPECT(status_of([&] { slot.bytes(); }) == WMMF_E_CLOSED);
    }
    EXPECT(frames.info().sequence == 1);

    // While two frames are held, the third slot is the newest and there is none to write to.
    wmmf_frame description{};
    description.used = 6;
    description.width = 2;
    description.height = 1;
    description.stride = 6;
    description.fourcc = wmmf::fourcc("BGR3");
    {
        wmmf::frame held = frames.acquire();
        EXPECT(held.info().sequence == 1 && held.bytes().size() == 7);
        EXPECT(status_of([&] { frames.acquire(1, wmmf::timeout::zero()).bytes(); }) == WMMF_E_TIMEOUT);
        EXPECT(frames.publish("second", description) == 2);
        wmmf::frame second = frames.acquire(1);
        EXPECT(frames.publish("third!", description) == 3);
        EXPECT(status_of([&] { frames.publish("fourth", description); }) == WMMF_E_TIMEOUT);
        EXPECT(std::memcmp(held.bytes().data(), "picture", 7) == 0);
        held = std::move(second);
        EXPECT(std::memcmp(held.bytes().data(), "second", 6) == 0);
        EXPECT(status_of([&] { second.bytes(); }) == WMMF_E_CLOSED);
        EXPECT(frames.publish("fourth", description) == 4);
        held.release();
        EXPECT(status_of([&] { held.bytes(); }) == WMMF_E_CLOSED);
        const wmmf::frame newest = frames.acquire(1);
        EXPECT(newest.info().missed == 2);
        EXPECT(newest.info().fourcc == 0x33524742);
    }

    // A user with read rights alone also reads in place.
    wmmf::channel looker = wmmf::channel::open(frames_name, read_only);
    {
        wmmf::frame held = looker.acquire(WMMF_PICK_LATEST, 0);
        EXPECT(held.intact() && std::memcmp(held.bytes().data(), "fourth", 6) == 0);
        EXPECT(held.release() && held.release());
        EXPECT(status_of([&] { held.intact(); }) == WMMF_E_CLOSED);
        EXPECT(looker.state() == WMMF_CHANNEL_LIVE);
    }
    char picture[100];
    EXPECT(looker.read(picture, sizeof picture).used == 6);
    EXPECT(std::memcmp(picture, "fourth", 6) == 0);
    EXPECT(status_of([&] { looker.read(picture, 5); }) == WMMF_E_RANGE);
    EXPECT(status_of([&] { looker.begin().bytes(); }) == WMMF_E_READ_ONLY);
    EXPECT(looker.wait(3) == 4);
    EXPECT(status_of([&] { looker.wait(4, wmmf::timeout::zero()); }) == WMMF_E_TIMEOUT);
    EXPECT(looker.audit().damaged == 0);

    wmmf::channel again = wmmf::channel::create_or_open(frames_name, 100, 3, {}, &created);
    EXPECT(!created && again.info().slots == 3);
    EXPECT(status_of([&] { wmmf::channel::create(frames_name, 100); }) == WMMF_E_EXISTS);
    again.resize(101, 4, 10);
    EXPECT(looker.info().capacity == 101 && looker.info().history == 10);
    EXPECT(wmmf::channel::create_or_open(frames_name, 102).info().capacity == 102);
    EXPECT(status_of([&] { again.stand_by(wmmf::timeout::zero()); }) == WMMF_E_TIMEOUT);
    EXPECT(status_of([&] { wmmf::channel::open(name); }) == WMMF_E_FORMAT);
    again.close();
    EXPECT(status_of([&] { again.info(); }) == WMMF_E_CLOSED);

    std::cout << wmmf_version() << " ok" << std::endl;

    // Files: a native one keeps its lock; windows outlive the handle; objects go in and out.
    {
        struct row {
            int number;
            double value;
        };
        const std::string path = name + ".file";
        wmmf::file_options creating;
        creating.mode = WMMF_FILE_CREATE;
        creating.native = true;
        wmmf::section table = wmmf::section::map_file(path, 1000, creating);
        table.write(16, row{7, 0.5});
        EXPECT(table.read<row>(16).number == 7);
        EXPECT(status_of([&] { wmmf::section::map_file(path, 1000, creating); }) == WMMF_E_EXISTS);
        EXPECT(!table.owner_name().empty());
        table.flush(true);
        wmmf::window window = table.map_window(16, sizeof(row), WMMF_READ);
        table.close();
        EXPECT(reinterpret_cast<const row *>(window.bytes().data())->value == 0.5);
        window.close();
        EXPECT(status_of([&] { window.bytes(); }) == WMMF_E_CLOSED);

        wmmf::section raw = wmmf::section::map_file(path);
        raw.resize(10);
        EXPECT(raw.bytes().size() == 10);
        const uint64_t beyond = UINT64_MAX - 3;
        raw.write(2, uint64_t{7});
        EXPECT(raw.read<uint64_t>(2) == 7);
        EXPECT(status_of([&] { raw.read<uint64_t>(3); }) == WMMF_E_RANGE);
        EXPECT(status_of([&] { raw.write(3, uint64_t{0}); }) == WMMF_E_RANGE);
        EXPECT(status_of([&] { raw.read<uint64_t>(beyond); }) == WMMF_E_RANGE);
        EXPECT(status_of([&] { raw.map_window(3, 8); }) == WMMF_E_RANGE);
        EXPECT(status_of([&] { raw.map_window(beyond, 8); }) == WMMF_E_RANGE);
        EXPECT(status_of([&] { raw.map_window(0, 0); }) == WMMF_E_RANGE);
        EXPECT(status_of([&] { raw.flush(true, 10, 1); }) == WMMF_E_RANGE);
        EXPECT(raw.map_window(9, 1).bytes().size() == 1 && raw.read<uint64_t>(2) == 7);

        wmmf::file_options copying;
        copying.protection = WMMF_COPY_ON_WRITE;
        wmmf::section copy = wmmf::section::map_file(path, 0, copying);
        copy.write(2, uint64_t{8});
        EXPECT(copy.read<uint64_t>(2) == 8 && raw.read<uint64_t>(2) == 7);
        EXPECT(status_of([&] { copy.resize(20); }) == WMMF_E_READ_ONLY);
        copy.close();

        wmmf::file_options named;
        named.name = name + "-of-file";
#ifdef _WIN32
        wmmf::section with_name = wmmf::section::map_file(path, 0, named);
        with_name.write(2, uint64_t{9});
        wmmf::options raw_layout;
        raw_layout.layout = WMMF_RAW;
        EXPECT(wmmf::section::open(named.name, raw_layout).read<uint64_t>(2) == 9);
        with_name.close();
#else
        EXPECT(status_of([&] { wmmf::section::map_file(path, 0, named); }) == WMMF_E_NOT_SUPPORTED);
#endif
        raw.close();
        EXPECT(status_of([&] { raw.read<char>(0); }) == WMMF_E_CLOSED);
        EXPECT(status_of([&] { raw.map_window(0, 1); }) == WMMF_E_CLOSED);
        std::remove(path.c_str());
    }

    // Memory without a name that grows; large pages if there are any.
    {
        wmmf::options growing;
        growing.reserve = 1 << 20;
        wmmf::section unnamed = wmmf::section::create_unnamed(100, growing);
        wmmf::section other = wmmf::section::open_handle(unnamed.share());
        unnamed.resize(100000);
        other.write(99999, 'x');
        EXPECT(other.size() == 100000 && unnamed.read<char>(99999) == 'x');
        EXPECT(status_of([&] { unnamed.resize(99999); }) == WMMF_E_SIZE);
        EXPECT(status_of([&] { section.share(); }) == WMMF_E_NOT_SUPPORTED);
        wmmf::options large;
        large.flags = WMMF_TRY_LARGE_PAGES;
        EXPECT(wmmf::section::create_unnamed(100, large).info().page_size >= 4096);
    }

    // Frames of several channels that were taken at the same time.
    {
        const wmmf::channel left = wmmf::channel::create(name + "-left", 10);
        wmmf::channel right = wmmf::channel::create(name + "-right", 10), other = wmmf::channel::open(name + "-left");
        wmmf::frame_set pairs({&left, &right}, std::chrono::milliseconds(1));
        wmmf_frame described{};
        described.used = 4;
        described.timestamp_ns = 1000000;
        other.publish("left", described);
        EXPECT(status_of([&] { pairs.next(wmmf::timeout::zero()); }) == WMMF_E_TIMEOUT);
        described.timestamp_ns = 2000000;
        right.publish("rite", described);
        {
            const std::vector<wmmf::frame> pair = pairs.next();
            EXPECT(pair.size() == 2 && std::memcmp(pair[0].bytes().data(), "left", 4) == 0);
            EXPECT(std::memcmp(pair[1].bytes().data(), "rite", 4) == 0);
        }
        EXPECT(status_of([&] { pairs.next(wmmf::timeout::zero()); }) == WMMF_E_TIMEOUT);
    }

    // One thread waits for many.
    {
        wmmf::waker waker;
        wmmf::section one = wmmf::section::create(name + "-one", 10), two = wmmf::section::create(name + "-two", 10);
        std::vector<wmmf_wait_item> items{wmmf::wait_item(one, 0), wmmf::wait_item(two, 0)};
        EXPECT(!wmmf::wait_many(items, &waker, wmmf::timeout::zero()));
        waker.wake();
        EXPECT(wmmf::wait_many(items, &waker) && items[0].status == WMMF_E_TIMEOUT);
        two.write(0, "x", 1);
        EXPECT(wmmf::wait_many(items, &waker) && items[1].status == WMMF_OK && items[1].current == 1);
    }
}
