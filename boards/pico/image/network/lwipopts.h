// lwIP for one PPP line and a few connections, in place of the port's options, which are those of a radio.
//
// Nothing in flight is more than TCP_SND_BUF bytes to the modem and TCP_WND bytes from it. With escapes that is at most
// twice as much on the line, so the buffers of boards/micropython/modem.py hold all of it, and no write ever waits.

#define LWIP_NETIF_EXT_STATUS_CALLBACK  1
#define LWIP_NETIF_STATUS_CALLBACK      1

#define LWIP_IPV4                       1
#define LWIP_IPV6                       0

#define LWIP_RAND() rosc_random_u32()

#define MEM_SIZE                        (5000)
#define TCP_MSS                         (800)
#define TCP_WND                         (2 * TCP_MSS)
#define TCP_SND_BUF                     (2 * TCP_MSS)
#define MEMP_NUM_TCP_SEG                (16)
#define PBUF_POOL_SIZE                  (6)

#include "extmod/lwip-include/lwipopts_common.h"

#undef LWIP_MDNS_RESPONDER
#define LWIP_MDNS_RESPONDER             0
#undef LWIP_DNS_SUPPORT_MDNS_QUERIES
#define LWIP_DNS_SUPPORT_MDNS_QUERIES   0

// A modem that answers no longer ends the line: three requests unanswered, 10 s apart. They stay between meter and modem.
#define LCP_ECHOINTERVAL                10
#define LCP_MAXECHOFAILS                3

// The modem is near: a request that it does not answer is repeated soon, and a dead line ends after two of them.
#define FSM_DEFTIMEOUT                  2
