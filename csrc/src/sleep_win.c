/* Sleeping, waking and clocks on Windows. WaitOnAddress does not cross processes, so threads sleep on semaphores. */
#include "win.h"

#include <limits.h>

#include "tuning.h"

/* Creates or opens it; NULL is allowed, see platform_sleep. */
static HANDLE semaphore_open(struct platform_mapping *mapping, uint64_t place) {
    SECURITY_ATTRIBUTES access = security_attributes(mapping);
    wchar_t name[OBJECT_NAME_CAPACITY];
    object_name(mapping, L'g', place, name);
    return CreateSemaphoreExW(&access, 0, LONG_MAX, name, 0, SYNCHRONIZE | SEMAPHORE_MODIFY_STATE);
}

/* Semaphores of locks in the payload, of which there may be many, are open only while a thread sleeps there. */
static HANDLE semaphore_of(struct platform_mapping *mapping, uint64_t place) {
    return place < EVENT_COUNT ? mapping->events[place] : semaphore_open(mapping, place);
}

static void semaphore_done(uint64_t place, HANDLE semaphore) {
    if (place >= EVENT_COUNT)
        close_handle(semaphore);
}

int32_t platform_join(struct platform_mapping *mapping, uint64_t section_id, bool read_only) {
    mapping->id = section_id;
    for (uint32_t i = 0; i < EVENT_COUNT && !read_only; i++)
        mapping->events[i] = semaphore_open(mapping, i);
    return WMMF_OK;
}

static DWORD milliseconds(int64_t ns) {
    return (DWORD)((ns + 999999) / 1000000);
}

void platform_sleep(struct platform_mapping *mapping, uint64_t place, const shared_u32 *epoch, uint32_t seen,
                    int64_t timeout_ns) {
    HANDLE semaphore = semaphore_of(mapping, place);
    /* A wake-up before this point has left its count in the semaphore, so nothing is lost by looking here. If the waker
     * closed the semaphore before we opened it, the epoch has moved. */
    bool moved = load_seq_u32(epoch) != seen;
    if (!moved && semaphore)
        WaitForSingleObject(semaphore, milliseconds(timeout_ns));
    else if (!moved)
        Sleep(milliseconds(POLL_NS));
    semaphore_done(place, semaphore);
}

void platform_wake(struct platform_mapping *mapping, uint64_t place, shared_u32 *epoch, uint32_t sleepers) {
    (void)epoch;
    HANDLE semaphore = semaphore_of(mapping, place);
    if (semaphore)
        ReleaseSemaphore(semaphore, (LONG)(sleepers < WAKES_MAX ? sleepers : WAKES_MAX), NULL);
    semaphore_done(place, semaphore);
}

/* The handles that we sleep on, each only once: the system refuses duplicates. */
struct handles {
    HANDLE all[WMMF_WAIT_MANY_MAX + 1];
    DWORD count;
};

static void add_handle(struct handles *handles, HANDLE handle) {
    for (DWORD i = 0; i < handles->count; i++)
        if (handles->all[i] == handle)
            return;
    handles->all[handles->count++] = handle;
}

/* Takes the wake-ups that are ours: one for each epoch that has moved, which cleared our count. If they stayed in the
 * semaphores, as many later sleeps would end at once. `taken` is the one that the sleep itself has taken. */
static void take_wakes(const struct platform_sleep *sleeps, uint32_t count, HANDLE taken) {
    for (uint32_t i = 0; i < count; i++) {
        HANDLE event = sleeps[i].mapping->events[sleeps[i].place];
        if (event && event == taken)
            taken = NULL;
        else if (event && load_seq_u32(sleeps[i].epoch) != sleeps[i].seen)
            WaitForSingleObject(event, 0);
    }
}

void platform_sleep_many(const struct platform_sleep *sleeps, uint32_t count, struct wmmf_waker *waker,
                         int64_t timeout_ns) {
    struct handles handles = {.count = 0};
    bool ready = false, blind = false;
    for (uint32_t i = 0; i < count; i++) {
        HANDLE event = sleeps[i].mapping->events[sleeps[i].place];
        ready = ready || load_seq_u32(sleeps[i].epoch) != sleeps[i].seen;
        blind = blind || !event;
        if (event)
            add_handle(&handles, event);
    }
    if (waker)
        add_handle(&handles, waker->event);
    DWORD timeout = ready ? 0 : milliseconds(blind ? POLL_NS : timeout_ns), result = WAIT_TIMEOUT;
    if (handles.count == 0)
        Sleep(timeout);
    else
        result = WaitForMultipleObjects(handles.count, handles.all, FALSE, timeout);
    take_wakes(sleeps, count, result < handles.count ? handles.all[result] : NULL);
}

int32_t platform_waker_open(struct wmmf_waker *waker) {
    waker->event = CreateEventW(NULL, FALSE, FALSE, NULL);
    return waker->event ? WMMF_OK : status_from_error(GetLastError());
}

void platform_waker_close(struct wmmf_waker *waker) {
    CloseHandle(waker->event);
}

/* If a wake was taken without sleeping, its signal is left over and ends a later sleep early. */
void platform_waker_wake(struct wmmf_waker *waker) {
    SetEvent(waker->event);
}

void platform_pause(int64_t ns) {
    Sleep(milliseconds(ns));
}

void platform_yield(void) {
    SwitchToThread();
}

int64_t platform_monotonic_ns(void) {
    LARGE_INTEGER frequency, now;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&now);
    int64_t seconds = now.QuadPart / frequency.QuadPart;
    int64_t rest = now.QuadPart % frequency.QuadPart;
    return seconds * 1000000000 + rest * 1000000000 / frequency.QuadPart;
}

static uint64_t unix_ns(FILETIME when) { /* in units of 100 ns since 1601 */
    uint64_t ticks = ((uint64_t)when.dwHighDateTime << 32) | when.dwLowDateTime;
    return (ticks - UINT64_C(116444736000000000)) * 100;
}

uint64_t platform_unix_ns(void) {
    FILETIME now;
    GetSystemTimePreciseAsFileTime(&now);
    return unix_ns(now);
}

uint64_t platform_unix_coarse_ns(void) {
    FILETIME now;
    GetSystemTimeAsFileTime(&now);
    return unix_ns(now);
}
