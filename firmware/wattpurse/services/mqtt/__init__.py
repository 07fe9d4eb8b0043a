"""The meter at an MQTT broker. Only a meter whose settings name a broker imports these modules.

Nothing on the network can hold the loop: bytes are moved without waiting, packets are handled when they are whole, and
everything that another machine has to do has a deadline.
"""
