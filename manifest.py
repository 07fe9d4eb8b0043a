# Modules frozen into the image of every board. A board's own manifest includes this one.
package("wattpurse", base_path="firmware")
module("main.py", base_path="firmware")
