"""The real littlefs on a fenced device: it fills up and continues without touching a block behind the fence."""

import os
import unittest

import vfs

from boards.micropython.shared_blocks import FencedBlocks, Window
from tests.boards.chip_fakes import SECTOR, Rp2Flash

SECTORS = 40
FENCE = 24
CONTENT = b"\x5a" * SECTOR
ENOSPC = 28


class TestFence(unittest.TestCase):
    def setUp(self):
        self.device = Rp2Flash(SECTORS)
        for sector in range(FENCE, SECTORS):
            self.device.memory[sector * SECTOR : (sector + 1) * SECTOR] = CONTENT
        self.fenced = FencedBlocks(self.device, FENCE)
        vfs.VfsLfs2.mkfs(self.fenced, progsize=256)
        self.mount(self.fenced)

    def tearDown(self):
        vfs.umount("/flash")
        self.assertEqual(bytes(self.device.memory[FENCE * SECTOR :]), CONTENT * (SECTORS - FENCE))

    def mount(self, blocks):
        vfs.mount(vfs.VfsLfs2(blocks, progsize=256), "/flash")

    def write(self, name, size):
        with open("/flash/" + name, "wb") as file:
            file.write(bytes((index * 7 + len(name)) & 0xFF for index in range(size)))

    def holds(self, name, size):
        with open("/flash/" + name, "rb") as file:
            return file.read() == bytes((index * 7 + len(name)) & 0xFF for index in range(size))

    def test_it_fills_up_and_stops(self):
        written = 0
        try:
            for number in range(SECTORS):
                self.write("a" * (number + 1), 3_000)
                written += 1
        except OSError as error:
            self.assertEqual(error.errno, ENOSPC)
        self.assertTrue(FENCE // 2 < written < FENCE)
        for number in range(written):
            self.assertTrue(self.holds("a" * (number + 1), 3_000))

    def test_freed_blocks_are_used_again(self):
        for turn in range(60):
            name = "b" * (turn % 5 + 1)
            self.write(name, 9_000)
            self.assertTrue(self.holds(name, 9_000))

    def test_a_file_larger_than_the_room_is_refused(self):
        self.write("small", 100)
        self.assertRaises(OSError, self.write, "large", SECTORS * SECTOR)
        self.assertTrue(self.holds("small", 100))

    def test_directories_stay_in_front_too(self):
        made = 0
        try:
            for number in range(SECTORS):
                os.mkdir(f"/flash/folder{number}")
                made += 1
        except OSError as error:
            self.assertEqual(error.errno, ENOSPC)
        self.assertTrue(made > 5)

    def test_stock_micropython_can_mount_it(self):
        self.write("kept", 5_000)
        vfs.umount("/flash")
        self.mount(self.device)
        self.assertTrue(self.holds("kept", 5_000))


class TestWindow(unittest.TestCase):
    def test_they_are_a_device_of_their_own(self):
        device = Rp2Flash(8)
        last = Window(device, 6, 2)
        self.assertEqual(last.ioctl(4, 0), 2)
        self.assertEqual(last.ioctl(5, 0), SECTOR)
        last.writeblocks(1, bytearray(256), 512)
        self.assertEqual(bytes(device.memory[7 * SECTOR + 511 : 7 * SECTOR + 513]), b"\xff\x00")
        buffer = bytearray(2)
        last.readblocks(1, buffer, 511)
        self.assertEqual(buffer, b"\xff\x00")
        self.assertEqual(last.ioctl(6, 1), 0)
        self.assertEqual(bytes(device.memory), b"\xff" * (8 * SECTOR))


if __name__ == "__main__":
    unittest.main()
