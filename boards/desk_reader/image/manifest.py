# Modules frozen into the image of the desk reader: no meter, and no console.
module("rp2.py", base_path="$(PORT_DIR)/modules")
include("$(MPY_DIR)/extmod/asyncio")
module("_boot.py", base_path="modules")
include("../manifest.py")
package(
    "wattpurse",
    files=(
        "__init__.py",
        "cards/__init__.py",
        "cards/iso14443.py",
        "cards/mfrc522.py",
        "cards/mfrc522_registers.py",
        "core/__init__.py",
        "core/constant.py",
        "core/messages/__init__.py",
        "core/messages/reader_frames.py",
        "core/messages/reader_session.py",
        "core/messages/reader_steps.py",
        "services/__init__.py",
        "services/reader_board.py",
        "services/reader_server.py",
    ),
    base_path="../../../firmware",
    opt=3,
)
