// Layout of the 2 MiB of flash, the same on every board of this family. The figures must agree with
// boards/pico/storage.py, which tests/silicon/test_image.py checks against the built image.
//
//     0x000000  program, at most 1,280 KiB
//     0x140000  the ledger's ring, 576 KiB: raw sectors, no filesystem
//     0x1D0000  filesystem, 192 KiB
//
// MicroPython lets Python reach only the part that it calls storage. So the ring is the first part of the storage, and
// the boot script mounts the filesystem on the rest.
#define MICROPY_HW_FLASH_STORAGE_BYTES (768 * 1024)
