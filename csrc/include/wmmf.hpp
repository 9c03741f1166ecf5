/* wmmf.hpp - wmmf.h for C++17: handles that close themselves, guards that unlock, errors that are thrown.
 *
 * Units, limits and thread-safety are those of wmmf.h, whose enums and structs are used directly. A failed call throws
 * wmmf::error. Header only; link the library wmmf.
 *
 *     auto section = wmmf::section::create("settings", 1 << 20);
 *     {
 *         auto guard = section.lock_write(std::chrono::seconds(1));
 *         std::memcpy(guard.bytes().data(), "dark", 5);
 *     }
 *
 *     auto camera = wmmf::channel::open("front");
 *     for (uint64_t had = 0;;) {
 *         auto frame = camera.acquire(had);
 *         had = frame.info().sequence;
 *         look_at(frame.bytes(), frame.info().width, frame.info().height, frame.info().stride);
 *     }
 */
#ifndef WMMF_HPP
#define WMMF_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>
#if __has_include(<version>)
#include <version>
#endif
#ifdef __cpp_lib_span
#include <span>
#endif

#include "wmmf.h"

namespace wmmf {

/* The category of enum wmmf_status. */
inline const std::error_category &category() noexcept {
    struct status_category final : std::error_category {
        const char *name() const noexcept override {
            return "wmmf";
        }
        std::string message(int status) const override {
            return wmmf_strerror(status);
        }
    };
    static const status_category instance;
    return instance;
}

/* A call that failed. what() names the call, the argument that is wrong, and what was expected. */
class error : public std::system_error {
  public:
    error(int32_t status, const std::string &call, int32_t os_error = 0)
        : std::system_error(status, category(), call), os_error_(os_error) {
    }
    /* For the status of this thread's last call, with the details that the library has. */
    static error last(int32_t status, const std::string &call) {
        const int32_t os_error = wmmf_last_os_error();
        const std::string detail = wmmf_last_detail();
        return error(status, detail.empty() ? call : call + " (" + detail + ")", os_error);
    }

    wmmf_status status() const noexcept {
        return static_cast<wmmf_status>(code().value());
    }
    /* errno or GetLastError(); 0: not an error of the system. */
    int32_t os_error() const noexcept {
        return os_error_;
    }

  private:
    int32_t os_error_;
};

using timeout = std::chrono::nanoseconds;
constexpr timeout forever{-1};

#ifdef __cpp_lib_span
template <class T> using span = std::span<T>;
#else
/* The part of C++20's std::span that is needed here. */
template <class T> class span {
  public:
    span(T *data, std::size_t size) noexcept : data_(data), size_(size) {
    }
    T *data() const noexcept {
        return data_;
    }
    std::size_t size() const noexcept {
        return size_;
    }
    T *begin() const noexcept {
        return data_;
    }
    T *end() const noexcept {
        return data_ + size_;
    }
    T &operator[](std::size_t index) const noexcept {
        return data_[index];
    }

  private:
    T *data_;
    std::size_t size_;
};
#endif

/* wmmf_options with defaults: local, native, owner only, writable. */
struct options {
    wmmf_namespace name_space = WMMF_LOCAL;
    wmmf_layout layout = WMMF_NATIVE;
    wmmf_access access = WMMF_ACCESS_OWNER;
    uint32_t mode = 0;         /* POSIX permission bits, with WMMF_ACCESS_MODE */
    std::string sddl;          /* Windows security descriptor, with WMMF_ACCESS_SDDL */
    bool read_only = false;    /* when opening */
    uint32_t participants = 0; /* 0 = WMMF_PARTICIPANTS_DEFAULT, or WMMF_CHANNEL_PARTICIPANTS_DEFAULT */
    uint64_t reserve = 0;      /* when creating: payload size to which it can grow; 0: none */
    uint32_t locks = 0;    /* when creating: how many locks in the payload one handle can hold at once; see lock_at */
    uint32_t flags = 0;    /* bits WMMF_LARGE_PAGES, WMMF_TRY_LARGE_PAGES, WMMF_LOCKED */
    bool own_only = false; /* refuse a section of another user, or with other access (POSIX) */
    /* For a new channel; see wmmf_channel_options. */
    uint32_t history = 0;
    uint32_t pins = 0;
    bool standby = false;
    std::chrono::nanoseconds pin_limit{0};
};

/* wmmf_file_options with defaults: an existing file, to read and write, raw, from its beginning. */
struct file_options {
    wmmf_file_mode mode = WMMF_FILE_OPEN;
    wmmf_protection protection = WMMF_READ_WRITE;
    wmmf_file_share share = WMMF_SHARE_ALL;
    bool native = false;       /* with our header, its lock and recovery */
    uint32_t permissions = 0;  /* POSIX, of a new file; 0: 0600 */
    uint32_t flags = 0;        /* bits WMMF_FILE_... */
    uint32_t participants = 0; /* of a new native file; 0: WMMF_PARTICIPANTS_DEFAULT */
    uint32_t locks = 0;        /* of a new native file: as options::locks */
    uint64_t offset = 0;
    uint64_t file_size = 0;                 /* at least */
    std::string name;                       /* Windows: of the section over the file, for others to open; empty: none */
    wmmf_namespace name_space = WMMF_LOCAL; /* with `name` */
};

namespace detail {

inline wmmf_file_options to_c(const file_options &given) {
    wmmf_file_options result{};
    result.struct_size = sizeof result;
    result.file_mode = given.mode;
    result.protection = given.protection;
    result.share = given.share;
    result.native = given.native;
    result.permissions = given.permissions;
    result.flags = given.flags;
    result.participants = given.participants;
    result.locks = given.locks;
    result.offset = given.offset;
    result.file_size = given.file_size;
    result.name_space = given.name_space;
    result.name = given.name.empty() ? nullptr : given.name.c_str();
    return result;
}

inline void check(int32_t status, const char *call) {
    if (status != WMMF_OK)
        throw error::last(status, call);
}

/* Returns what a call stores through its last argument; sets the size of a struct. */
template <class Result, class Call, class... Arguments>
Result ask(const char *name, Call call, Arguments... arguments) {
    Result result{};
    if constexpr (std::is_class_v<Result>)
        result.struct_size = sizeof result;
    check(call(arguments..., &result), name);
    return result;
}

inline wmmf_options to_c(const options &given) {
    wmmf_options result{};
    result.struct_size = sizeof result;
    result.name_space = given.name_space;
    result.layout = given.layout;
    result.access = given.access;
    result.mode = given.mode;
    result.read_only = given.read_only;
    result.participants = given.participants;
    result.sddl = given.sddl.empty() ? nullptr : given.sddl.c_str();
    result.reserve = given.reserve;
    result.locks = given.locks;
    result.flags = given.flags;
    result.own_only = given.own_only;
    return result;
}

inline wmmf_channel_options channel_to_c(const options &given) {
    wmmf_channel_options result{};
    result.struct_size = sizeof result;
    result.history = given.history;
    result.pins = given.pins;
    result.standby = given.standby;
    result.pin_limit_ns = static_cast<uint64_t>(given.pin_limit.count());
    return result;
}

inline span<std::byte> payload(wmmf_section *handle) {
    void *data = nullptr;
    uint64_t size = 0;
    check(wmmf_size(handle, &size), "wmmf_size"); /* first: see wmmf_resize of a file */
    check(wmmf_data(handle, &data), "wmmf_data");
    return {static_cast<std::byte *>(data), static_cast<std::size_t>(size)};
}

/* The text for errors of a call that creates or opens; first checks the ABI of the library and the name. */
inline std::string describe(const char *function, const std::string &name) {
    const std::string described = std::string(function) + "(\"" + name.c_str() + "\")";
    if (wmmf_abi_version() != WMMF_ABI_VERSION)
        throw error(WMMF_E_VERSION, described + " of another ABI than this header's");
    if (name.find('\0') != std::string::npos)
        throw error(WMMF_E_NAME_INVALID, described);
    return described;
}

/* Returns the handle of a call that creates or opens. */
template <class Handle, class Call> Handle *make(const char *function, const std::string &name, Call call) {
    const std::string described = describe(function, name);
    Handle *handle = nullptr;
    const int32_t status = call(&handle);
    if (status != WMMF_OK)
        throw error::last(status, described);
    return handle;
}

/* Closes a handle with a call of wmmf.h. */
template <auto End> struct ended_by {
    template <class Handle> void operator()(Handle *handle) const noexcept {
        End(handle);
    }
};

/* Owns a handle. */
template <class Handle, int32_t (*Close)(Handle *)> class owner {
  public:
    /* Closes the handle before the end of its scope. Later calls throw WMMF_E_CLOSED. */
    void close() noexcept {
        handle_.reset();
    }

    /* For the calls of wmmf.h; still owned by this object. Throws WMMF_E_CLOSED if there is none. */
    Handle *handle() const {
        if (!handle_)
            throw error(WMMF_E_CLOSED, "use of a handle");
        return handle_.get();
    }

  protected:
    explicit owner(Handle *handle) noexcept : handle_(handle) {
    }

  private:
    std::unique_ptr<Handle, ended_by<Close>> handle_;
};

/* In place of the offset of a lock in the payload: the section's own lock. */
constexpr uint64_t own_lock = UINT64_MAX;

/* Releases a lock: `Own` releases the section's own, `At` one in the payload. */
template <int32_t (*Own)(wmmf_section *), int32_t (*At)(wmmf_section *, uint64_t)> struct unlocker {
    uint64_t which;
    int32_t operator()(wmmf_section *handle) const noexcept {
        return which == own_lock ? Own(handle) : At(handle, which);
    }
};

/* Owns one lock of the thread that took it. */
template <class Unlocker> class guard {
  public:
    guard(guard &&) noexcept = default;
    guard &operator=(guard &&) = delete;
    /* Releases the lock before the end of its scope. After an error the guard still has it. */
    void unlock() {
        check(handle_.get_deleter()(held()), "unlock");
        handle_.release();
    }

  protected:
    guard(wmmf_section *handle, uint64_t which) noexcept : handle_(handle, Unlocker{which}) {
    }
    /* The section. Throws WMMF_E_NOT_OWNER after unlock or a move. */
    wmmf_section *held() const {
        if (!handle_)
            throw error(WMMF_E_NOT_OWNER, "use of a guard without its lock");
        return handle_.get();
    }

  private:
    std::unique_ptr<wmmf_section, Unlocker> handle_;
};

/* Owns a frame of a channel, and ends it with a call of wmmf.h. */
template <int32_t (*End)(wmmf_channel *, const wmmf_frame *)> class owned_frame {
  protected:
    owned_frame(wmmf_channel *channel, const wmmf_frame &described) noexcept : channel_(channel, {described}) {
    }
    /* The channel. Throws WMMF_E_CLOSED after the end of the frame. */
    wmmf_channel *channel_for(const char *use) const {
        if (!channel_)
            throw error(WMMF_E_CLOSED, use);
        return channel_.get();
    }
    /* The description of the frame, even after its end. */
    const wmmf_frame &description() const noexcept {
        return channel_.get_deleter().frame;
    }
    wmmf_frame &description() noexcept {
        return channel_.get_deleter().frame;
    }

    struct frame_end {
        wmmf_frame frame;
        void operator()(wmmf_channel *channel) const noexcept {
            End(channel, &frame);
        }
    };
    std::unique_ptr<wmmf_channel, frame_end> channel_; /* NULL: the frame has ended */
};

} // namespace detail

/* A read lock, held. It must not outlive its section. */
class [[nodiscard]] read_guard : public detail::guard<detail::unlocker<wmmf_unlock_read, wmmf_unlock_read_at>> {
  public:
    /* The payload, in place. */
    span<const std::byte> bytes() const {
        auto all = detail::payload(held());
        return {all.data(), all.size()};
    }

  private:
    friend class section;
    friend class payload_lock;
    using guard::guard;
};

/* A write lock, held. It must not outlive its section. */
class [[nodiscard]] write_guard : public detail::guard<detail::unlocker<wmmf_unlock_write, wmmf_unlock_write_at>> {
  public:
    /* The payload, in place. */
    span<std::byte> bytes() const {
        return detail::payload(held());
    }
    /* Whether the previous writer died while it held the lock. Repair the payload and call mark_consistent of the
     * section or of the payload_lock. Otherwise this stays true for the next writer. */
    bool owner_died() const noexcept {
        return owner_died_;
    }

  private:
    friend class section;
    friend class payload_lock;
    /* `status` is that of the call that took the lock. */
    static write_guard taken(wmmf_section *handle, uint64_t which, int32_t status, bool repair, const char *call) {
        if (status != WMMF_OK && status != WMMF_E_OWNER_DIED)
            throw error::last(status, call);
        write_guard guard(handle, which, status == WMMF_E_OWNER_DIED);
        if (guard.owner_died() && !repair) /* the guard's destructor releases the lock */
            throw error::last(status, call);
        return guard;
    }
    write_guard(wmmf_section *handle, uint64_t which, bool owner_died) noexcept
        : guard(handle, which), owner_died_(owner_died) {
    }
    bool owner_died_;
};

/* Holds locks in place of a thread, for a task that may continue in another thread; see wmmf_new_lock_owner. */
class lock_owner {
  public:
    lock_owner() : number_(detail::ask<uint64_t>("wmmf_new_lock_owner", wmmf_new_lock_owner)) {
    }
    /* While this object lives, its thread takes, uses and releases locks as the owner, also in the destructor of a
     * guard. */
    class [[nodiscard]] acting {
      public:
        explicit acting(const lock_owner &owner) {
            detail::check(wmmf_set_lock_owner(owner.number_, &previous_), "wmmf_set_lock_owner");
        }
        acting(const acting &) = delete;
        acting &operator=(const acting &) = delete;
        ~acting() {
            wmmf_set_lock_owner(previous_, nullptr);
        }

      private:
        uint64_t previous_ = 0;
    };

  private:
    uint64_t number_;
};

/* A lock in the payload of a section, for example for a row of a table; made by section::lock_at. It has the calls of
 * the section, for this lock only; see wmmf_lock_read_at. It must not outlive its section. */
class payload_lock {
  public:
    uint64_t offset() const noexcept {
        return offset_;
    }
    read_guard lock_read(timeout limit = forever) const {
        detail::check(wmmf_lock_read_at(section_, offset_, limit.count()), "wmmf_lock_read_at");
        return read_guard(section_, offset_);
    }
    /* Like section::lock_write. */
    write_guard lock_write(timeout limit = forever, bool repair = false) const {
        return write_guard::taken(section_, offset_, wmmf_lock_write_at(section_, offset_, limit.count()), repair,
                                  "wmmf_lock_write_at");
    }
    void mark_consistent() const {
        detail::check(wmmf_mark_consistent_at(section_, offset_), "wmmf_mark_consistent_at");
    }
    void poison() const {
        detail::check(wmmf_poison_at(section_, offset_), "wmmf_poison_at");
    }
    /* How often the write lock was released, plus the calls of notify. */
    uint64_t sequence() const {
        return wait(UINT64_MAX, timeout::zero());
    }
    /* Waits until the sequence is not `sequence`, and returns the new one. */
    uint64_t wait(uint64_t sequence, timeout limit = forever) const {
        return detail::ask<uint64_t>("wmmf_wait_at", wmmf_wait_at, section_, offset_, sequence, limit.count());
    }
    void notify() const {
        detail::check(wmmf_notify_at(section_, offset_), "wmmf_notify_at");
    }
    wmmf_lock_state lock_state() const {
        return detail::ask<wmmf_lock_state>("wmmf_get_lock_state_at", wmmf_get_lock_state_at, section_, offset_);
    }

  private:
    friend class section;
    payload_lock(wmmf_section *section, uint64_t offset) noexcept : section_(section), offset_(offset) {
    }
    wmmf_section *section_;
    uint64_t offset_;
};

/* A part of a section or file in a mapping of its own; it may outlive the section's handle. */
class window : public detail::owner<wmmf_window, wmmf_unmap_window> {
  public:
    /* Its memory. With WMMF_READ its pages cannot be written. */
    span<std::byte> bytes() const {
        void *data = nullptr;
        detail::check(wmmf_window_data(handle(), &data), "wmmf_window_data");
        return {static_cast<std::byte *>(data), size_};
    }
    /* Tells the system how `length` bytes at `offset` (0: to the end) will be used; see wmmf_advise. */
    void advise(wmmf_advice advice, uint64_t offset = 0, uint64_t length = 0) {
        detail::check(wmmf_advise_window(handle(), offset, length, advice), "wmmf_advise_window");
    }

  private:
    friend class section;
    window(wmmf_window *handle, std::size_t size) noexcept : owner(handle), size_(size) {
    }
    std::size_t size_;
};

/* An open section. */
class section : public detail::owner<wmmf_section, wmmf_close> {
  public:
    /* A new section of `size` zeroed bytes; WMMF_E_EXISTS if the name is taken. */
    static section create(const std::string &name, uint64_t size, const options &given = {}) {
        const wmmf_options c = detail::to_c(given);
        return make("wmmf_create", name, [&](wmmf_section **out) { return wmmf_create(name.c_str(), size, &c, out); });
    }

    /* Opens the section of this name, or creates it; *created says which. */
    static section create_or_open(const std::string &name, uint64_t size, const options &given = {},
                                  bool *created = nullptr) {
        const wmmf_options c = detail::to_c(given);
        int32_t made = 0;
        section result = make("wmmf_create_or_open", name, [&](wmmf_section **out) {
            return wmmf_create_or_open(name.c_str(), size, &c, out, &made);
        });
        if (created)
            *created = made != 0;
        return result;
    }

    /* An existing section, or its first `size` bytes. */
    static section open(const std::string &name, const options &given = {}, uint64_t size = 0) {
        const wmmf_options c = detail::to_c(given);
        return make("wmmf_open", name, [&](wmmf_section **out) { return wmmf_open(name.c_str(), size, &c, out); });
    }

    /* A new unnamed section, for processes that get a handle of it; see wmmf_create_unnamed. */
    static section create_unnamed(uint64_t size, const options &given = {}) {
        const wmmf_options c = detail::to_c(given);
        return make("wmmf_create_unnamed", "", [&](wmmf_section **out) { return wmmf_create_unnamed(size, &c, out); });
    }

    /* The unnamed section behind a handle of this process, or its first `size` bytes; see wmmf_open_handle. */
    static section open_handle(int64_t system_handle, const options &given = {}, uint64_t size = 0) {
        const wmmf_options c = detail::to_c(given);
        return make("wmmf_open_handle", "",
                    [&](wmmf_section **out) { return wmmf_open_handle(system_handle, size, &c, out); });
    }

    /* An existing file, or its first `size` bytes, with the layout WMMF_RAW. */
    static section open_file(const std::string &path, bool read_only = false, uint64_t size = 0) {
        wmmf_options c{};
        c.struct_size = sizeof c;
        c.layout = WMMF_RAW;
        c.read_only = read_only;
        return make("wmmf_open_file", path,
                    [&](wmmf_section **out) { return wmmf_open_file(path.c_str(), size, &c, out); });
    }

    /* `size` bytes of a file, 0: to its end; see wmmf_map_file. */
    static section map_file(const std::string &path, uint64_t size = 0, const file_options &given = {}) {
        const wmmf_file_options c = detail::to_c(given);
        return make("wmmf_map_file", path,
                    [&](wmmf_section **out) { return wmmf_map_file(path.c_str(), size, &c, out); });
    }

    /* A system handle of an unnamed section, for another process; see wmmf_share. */
    int64_t share(uint32_t pid = 0, bool read_only = false) const {
        return detail::ask<int64_t>("wmmf_share", wmmf_share, handle(), pid, read_only);
    }

    /* Flushes `length` bytes at `offset` (0: to the end) to the system, or to the device; see wmmf_flush. */
    void flush(bool to_device, uint64_t offset = 0, uint64_t length = 0) {
        detail::check(wmmf_flush(handle(), offset, length, to_device), "wmmf_flush");
    }
    /* A section with a reserve or a native file grows for every process that has it open, and earlier results of
     * bytes() stay valid. For a raw file, do not use earlier results of bytes() any more. See wmmf_resize. */
    void resize(uint64_t size) {
        detail::check(wmmf_resize(handle(), size), "wmmf_resize");
    }
    /* Tells the system how `length` bytes at `offset` (0: to the end) will be used; see wmmf_advise. */
    void advise(wmmf_advice advice, uint64_t offset = 0, uint64_t length = 0) {
        detail::check(wmmf_advise(handle(), offset, length, advice), "wmmf_advise");
    }
    /* Maps `length` bytes at `offset` a second time. */
    window map_window(uint64_t offset, uint64_t length, wmmf_protection protection = WMMF_READ_WRITE) const {
        return {detail::ask<wmmf_window *>("wmmf_map_window", wmmf_map_window, handle(), offset, length, protection),
                static_cast<std::size_t>(length)};
    }

    /* The payload, in place; take the lock first, if the layout has one. */
    span<std::byte> bytes() const {
        return detail::payload(handle());
    }
    uint64_t size() const {
        return info().size;
    }
    wmmf_info info() const {
        return detail::ask<wmmf_info>("wmmf_get_info", wmmf_get_info, handle());
    }

    read_guard lock_read(timeout limit = forever) {
        detail::check(wmmf_lock_read(handle(), limit.count()), "wmmf_lock_read");
        return read_guard(handle(), detail::own_lock);
    }
    /* If the previous writer died while it held the lock, throws WMMF_E_OWNER_DIED and changes nothing. With `repair`
     * it takes the lock anyway, and owner_died() of the guard is true. */
    write_guard lock_write(timeout limit = forever, bool repair = false) {
        return write_guard::taken(handle(), detail::own_lock, wmmf_lock_write(handle(), limit.count()), repair,
                                  "wmmf_lock_write");
    }

    /* The lock in the payload at `offset`, a multiple of 64. The offset is checked when the lock is used. */
    payload_lock lock_at(uint64_t offset) const {
        if (offset == detail::own_lock)
            throw error(WMMF_E_ARGUMENT, "wmmf::section::lock_at");
        return {handle(), offset};
    }

    /* Declares the payload consistent, under a write_guard whose owner_died() is true. */
    void mark_consistent() {
        detail::check(wmmf_mark_consistent(handle()), "wmmf_mark_consistent");
    }

    /* Copies under the lock; see wmmf_read and wmmf_write. */
    void read(uint64_t offset, void *buffer, uint64_t length, timeout limit = forever) const {
        detail::check(wmmf_read(handle(), offset, buffer, length, limit.count()), "wmmf_read");
    }
    void write(uint64_t offset, const void *buffer, uint64_t length, timeout limit = forever) {
        detail::check(wmmf_write(handle(), offset, buffer, length, limit.count()), "wmmf_write");
    }

    /* Makes the section useless for everybody, for ever; see wmmf_poison. */
    void poison() {
        detail::check(wmmf_poison(handle()), "wmmf_poison");
    }

    /* Copies one object of a trivially copyable type. */
    template <class T> T read(uint64_t offset, timeout limit = forever) const {
        static_assert(std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>);
        T result;
        read(offset, &result, sizeof result, limit);
        return result;
    }
    template <class T> void write(uint64_t offset, const T &object, timeout limit = forever) {
        static_assert(std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>);
        write(offset, &object, sizeof object, limit);
    }

    /* The user who owns it; see wmmf_get_owner. */
    std::string owner_name() const {
        std::string name(256, '\0');
        uint64_t needed = 0;
        int32_t status;
        while ((status = wmmf_get_owner(handle(), name.data(), name.size(), &needed)) == WMMF_E_RANGE)
            name.resize(needed);
        detail::check(status, "wmmf_get_owner");
        name.resize(needed - 1);
        return name;
    }

    /* The number of changes since the section was created; see wmmf_sequence. */
    uint64_t sequence() const {
        return detail::ask<uint64_t>("wmmf_sequence", wmmf_sequence, handle());
    }
    /* Advances the sequence and wakes all waiting threads, without the lock; see wmmf_notify. */
    void notify() {
        detail::check(wmmf_notify(handle()), "wmmf_notify");
    }
    /* Waits until the sequence is not `sequence`, and returns the new one. */
    uint64_t wait(uint64_t sequence, timeout limit = forever) const {
        return detail::ask<uint64_t>("wmmf_wait", wmmf_wait, handle(), sequence, limit.count());
    }

    wmmf_audit_report audit() {
        return detail::ask<wmmf_audit_report>("wmmf_audit", wmmf_audit, handle());
    }
    wmmf_lock_state lock_state() const {
        return detail::ask<wmmf_lock_state>("wmmf_get_lock_state", wmmf_get_lock_state, handle());
    }

    /* The writable handles of the section in all processes. A snapshot. */
    std::vector<wmmf_participant> participants() const {
        return all("wmmf_get_participant", wmmf_get_participant,
                   [](const wmmf_participant &one) { return one.pid != 0; });
    }

    /* The threads of all processes that hold a lock in the payload or wait for one. A snapshot. */
    std::vector<wmmf_hold> holds() const {
        return all("wmmf_get_hold", wmmf_get_hold, [](const wmmf_hold &one) { return one.offset != UINT64_MAX; });
    }

    /* The names of the sections and channels that are open in a namespace; see wmmf_list. */
    static std::vector<std::string> list(wmmf_namespace name_space = WMMF_LOCAL) {
        std::string names;
        uint64_t needed = 0;
        int32_t status;
        while ((status = wmmf_list(name_space, names.data(), names.size(), &needed)) == WMMF_E_RANGE)
            names.resize(needed + 1024); /* more may be created before the next call */
        if (status != WMMF_OK)
            throw error::last(status, "wmmf_list");
        std::vector<std::string> result;
        for (std::size_t at = 0; at < needed; at += result.back().size() + 1)
            result.emplace_back(names.c_str() + at);
        return result;
    }

  private:
    using owner::owner;

    /* The records that a call gives one by one, without those that are not in use. */
    template <class Record, class InUse>
    std::vector<Record> all(const char *name, int32_t (*call)(wmmf_section *, uint32_t, Record *), InUse in_use) const {
        std::vector<Record> result;
        for (uint32_t index = 0;; index++) {
            Record one{};
            one.struct_size = sizeof one;
            const int32_t status = call(handle(), index, &one);
            if (status == WMMF_E_RANGE)
                return result;
            detail::check(status, name);
            if (in_use(one))
                result.push_back(one);
        }
    }

    template <class Call> static section make(const char *function, const std::string &name, Call call) {
        return section(detail::make<wmmf_section>(function, name, call));
    }
};

/* A pixel format from its four characters, as in fourcc("BGR3"). */
constexpr uint32_t fourcc(const char (&text)[5]) noexcept {
    uint32_t code = 0;
    for (int i = 3; i >= 0; i--)
        code = code << 8 | static_cast<unsigned char>(text[i]);
    return code;
}

/* The characters of a pixel format; empty if it is 0 (unknown). */
inline std::string fourcc_text(uint32_t code) {
    std::string text;
    for (; code != 0; code >>= 8)
        text += static_cast<char>(code & 0xff);
    return text;
}

/* A pinned frame of a channel, in place. It does not change until this object is destroyed, except as intact() reports.
 * It must not outlive its channel's handle. */
class [[nodiscard]] frame : public detail::owned_frame<wmmf_channel_release> {
  public:
    /* The picture. Throws WMMF_E_CLOSED after release. */
    span<const std::byte> bytes() const {
        channel_for("wmmf::frame::bytes");
        return {static_cast<const std::byte *>(description().data), static_cast<std::size_t>(description().used)};
    }
    /* The description of the frame. */
    const wmmf_frame &info() const noexcept {
        return description();
    }
    /* Whether it is still unchanged; see wmmf_channel_intact. Throws WMMF_E_CLOSED after release. */
    bool intact() const {
        const int32_t status = wmmf_channel_intact(channel_for("wmmf::frame::intact"), &description());
        if (status != WMMF_E_NOT_INTACT)
            detail::check(status, "wmmf_channel_intact");
        return status == WMMF_OK;
    }
    /* Releases the frame before the end of its scope. Calling it again does nothing. False: the frame was overwritten
     * while it was held, so what you read may be a mix of two frames. The destructor does not report that: call
     * intact() before. */
    bool release() noexcept {
        wmmf_channel *const channel = channel_.release();
        return !channel || wmmf_channel_release(channel, &description()) != WMMF_E_NOT_INTACT;
    }

  private:
    friend class channel;
    friend class frame_set;
    using owned_frame::owned_frame;
};

/* A slot to fill. The destructor drops it unless it was published. It must not outlive its channel's handle. */
class [[nodiscard]] new_frame : public detail::owned_frame<wmmf_channel_cancel> {
  public:
    /* All bytes of the slot, with the contents of some older frame. Throws WMMF_E_CLOSED once it is published. */
    span<std::byte> bytes() const {
        channel_for("wmmf::new_frame");
        return {static_cast<std::byte *>(description().data), static_cast<std::size_t>(description().capacity)};
    }
    /* The description to fill in; `used` is initially the whole slot. wmmf_channel_publish says which members count. */
    wmmf_frame &info() noexcept {
        return description();
    }
    /* Makes it the newest frame and returns its sequence. After an error you can correct the frame and publish it. */
    uint64_t publish() {
        detail::check(wmmf_channel_publish(channel_for("wmmf::new_frame"), &description()), "wmmf_channel_publish");
        channel_.release();
        return description().sequence;
    }

  private:
    friend class channel;
    using owned_frame::owned_frame;
};

/* An open frame channel. */
class channel : public detail::owner<wmmf_channel, wmmf_channel_close> {
  public:
    /* A new channel of `slots` slots of `capacity` bytes; WMMF_E_EXISTS if the name is taken. */
    static channel create(const std::string &name, uint64_t capacity, uint32_t slots = WMMF_CHANNEL_SLOTS_DEFAULT,
                          const options &given = {}) {
        wmmf_options c = detail::to_c(given);
        const wmmf_channel_options more = detail::channel_to_c(given);
        c.channel = &more;
        return make("wmmf_channel_create", name,
                    [&](wmmf_channel **out) { return wmmf_channel_create(name.c_str(), capacity, slots, &c, out); });
    }

    /* Opens the channel of this name, or creates it; *created says which. */
    static channel create_or_open(const std::string &name, uint64_t capacity,
                                  uint32_t slots = WMMF_CHANNEL_SLOTS_DEFAULT, const options &given = {},
                                  bool *created = nullptr) {
        wmmf_options c = detail::to_c(given);
        const wmmf_channel_options more = detail::channel_to_c(given);
        c.channel = &more;
        int32_t made = 0;
        channel result = make("wmmf_channel_create_or_open", name, [&](wmmf_channel **out) {
            return wmmf_channel_create_or_open(name.c_str(), capacity, slots, &c, out, &made);
        });
        if (created)
            *created = made != 0;
        return result;
    }

    /* An existing channel. */
    static channel open(const std::string &name, const options &given = {}) {
        const wmmf_options c = detail::to_c(given);
        return make("wmmf_channel_open", name,
                    [&](wmmf_channel **out) { return wmmf_channel_open(name.c_str(), &c, out); });
    }

    wmmf_channel_info info() const {
        return detail::ask<wmmf_channel_info>("wmmf_channel_get_info", wmmf_channel_get_info, handle());
    }

    /* A slot to fill. Throws WMMF_E_TIMEOUT if every slot is being read, or another writer is at work. */
    new_frame begin(timeout limit = timeout::zero()) {
        return {handle(), detail::ask<wmmf_frame>("wmmf_channel_begin", wmmf_channel_begin, handle(), limit.count())};
    }

    /* Copies description.used bytes at `picture` into a slot, publishes it and returns its sequence. Throws like begin.
     * The description is that of new_frame::info. */
    uint64_t publish(const void *picture, wmmf_frame description, timeout limit = timeout::zero()) {
        description.struct_size = sizeof description;
        const int32_t status = wmmf_channel_write(handle(), picture, limit.count(), &description);
        if (status != WMMF_OK)
            throw error::last(status, "wmmf_channel_write(" + std::to_string(description.used) + " bytes)");
        return description.sequence;
    }

    /* The newest frame, if its sequence is not `after`, the sequence of the previous frame; 0 takes any. */
    frame acquire(uint64_t after = 0, timeout limit = forever) {
        return {handle(),
                detail::ask<wmmf_frame>("wmmf_channel_acquire", wmmf_channel_acquire, handle(), after, limit.count())};
    }

    /* Another choice of frame: see enum wmmf_pick, also for the meaning of `after`. */
    frame acquire(wmmf_pick pick, uint64_t after, timeout limit = forever) {
        return {handle(), detail::ask<wmmf_frame>("wmmf_channel_acquire_pick", wmmf_channel_acquire_pick, handle(),
                                                  pick, after, limit.count())};
    }

    /* Gives the channel new pictures; see wmmf_channel_resize. */
    void resize(uint64_t capacity, uint32_t slots = 0, uint32_t history = 0, timeout limit = forever) {
        detail::check(wmmf_channel_resize(handle(), capacity, slots, history, limit.count()), "wmmf_channel_resize");
    }

    /* The state of the channel; it is stalled if no frame was published for longer than this. */
    wmmf_channel_state state(timeout stalled = forever) const {
        return static_cast<wmmf_channel_state>(
            detail::ask<uint32_t>("wmmf_channel_get_state", wmmf_channel_get_state, handle(), stalled.count()));
    }

    /* Waits until the channel has no publisher, and takes over. */
    void stand_by(timeout limit = forever) {
        detail::check(wmmf_channel_stand_by(handle(), limit.count()), "wmmf_channel_stand_by");
    }

    /* Copies the frame that acquire would return into `buffer`, and returns its description. Handles that cannot hold
     * frames in place (in_place) can also do this. */
    wmmf_frame read(void *buffer, uint64_t length, uint64_t after = 0, timeout limit = forever) {
        wmmf_frame result{};
        result.struct_size = sizeof result;
        const int32_t status = wmmf_channel_read(handle(), after, buffer, length, limit.count(), &result);
        if (status == WMMF_E_RANGE)
            throw error(status, "wmmf_channel_read of " + std::to_string(result.used) + " bytes into " +
                                    std::to_string(length));
        detail::check(status, "wmmf_channel_read");
        return result;
    }

    /* Waits until the newest frame's sequence is not `after`, and returns the new sequence. */
    uint64_t wait(uint64_t after, timeout limit = forever) const {
        return detail::ask<uint64_t>("wmmf_channel_wait", wmmf_channel_wait, handle(), after, limit.count());
    }

    wmmf_audit_report audit() {
        return detail::ask<wmmf_audit_report>("wmmf_channel_audit", wmmf_channel_audit, handle());
    }

  private:
    using owner::owner;

    template <class Call> static channel make(const char *function, const std::string &name, Call call) {
        return channel(detail::make<wmmf_channel>(function, name, call));
    }
};

/* Ends a wait_many in the same process, from any thread. */
class waker : public detail::owner<wmmf_waker, wmmf_waker_close> {
  public:
    waker() : owner(create()) {
    }
    void wake() const {
        detail::check(wmmf_waker_wake(handle()), "wmmf_waker_wake");
    }

  private:
    static wmmf_waker *create() {
        return detail::ask<wmmf_waker *>("wmmf_waker_create", wmmf_waker_create);
    }
};

/* An item of wait_many that waits for another sequence than this. */
inline wmmf_wait_item wait_item(const section &of, uint64_t sequence) {
    wmmf_wait_item result{};
    result.section = of.handle();
    result.sequence = sequence;
    return result;
}
inline wmmf_wait_item wait_item(const channel &of, uint64_t sequence) {
    wmmf_wait_item result{};
    result.channel = of.handle();
    result.sequence = sequence;
    return result;
}

/* Waits until an item is decided or the waker is woken. False if neither happened in time. See wmmf_wait_many. */
inline bool wait_many(std::vector<wmmf_wait_item> &items, const waker *end = nullptr, timeout limit = forever) {
    const int32_t status =
        wmmf_wait_many(items.data(), static_cast<uint32_t>(items.size()), end ? end->handle() : nullptr, limit.count());
    if (status != WMMF_E_TIMEOUT)
        detail::check(status, "wmmf_wait_many");
    return status == WMMF_OK;
}

/* Frames of several channels that were taken at the same time. It must not outlive the channels' handles. */
class frame_set {
  public:
    /* A set has frames that were taken within the tolerance of each other; forever: any frames. */
    frame_set(const std::vector<const channel *> &channels, timeout tolerance) : tolerance_(tolerance) {
        for (const channel *one : channels) {
            wmmf_set_item item{};
            item.channel = one->handle();
            items_.push_back(item);
        }
    }

    /* Waits for a set that is newer than the last one, and returns it in the order of the channels. See
     * wmmf_channel_acquire_set. */
    std::vector<frame> next(timeout limit = forever) {
        std::vector<wmmf_frame> found(items_.size());
        for (std::size_t i = 0; i < items_.size(); i++) {
            found[i].struct_size = sizeof found[i];
            items_[i].frame = &found[i];
        }
        std::vector<frame> result;
        result.reserve(items_.size()); /* so that nothing throws while frames are held */
        detail::check(wmmf_channel_acquire_set(items_.data(), static_cast<uint32_t>(items_.size()),
                                               static_cast<uint64_t>(tolerance_.count()), limit.count()),
                      "wmmf_channel_acquire_set");
        for (std::size_t i = 0; i < items_.size(); i++)
            result.push_back(frame(items_[i].channel, found[i]));
        return result;
    }

  private:
    std::vector<wmmf_set_item> items_;
    timeout tolerance_;
};

} // namespace wmmf

#endif
