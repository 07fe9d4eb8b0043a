// lwIP for one PPP line and a few connections, in place of the port's options, which are those of a radio.
//
// No more than TCP_SND_BUF bytes are in flight to the modem, and TCP_WND bytes from it. The UART's buffers (see
// boards/pico/board.py) hold all of them, with headers and escapes, so that no write waits for the line.

#define LWIP_NETIF_EXT_STATUS_CALLBACK  1
#define LWIP_NETIF_STATUS_CALLBACK      1

#define LWIP_IPV4                       1
#define LWIP_IPV6                       0
#define IP_FRAG                         0
#define IP_REASSEMBLY                   0

#define LWIP_RAND() rosc_random_u32()

#define MEM_SIZE                        (3500)
#define TCP_MSS                         (536)
#define TCP_WND                         (2 * TCP_MSS)
#define TCP_SND_BUF                     (2 * TCP_MSS)
#define MEMP_NUM_TCP_SEG                (12)
#define MEMP_NUM_TCP_PCB                (3)
#define MEMP_NUM_TCP_PCB_LISTEN         (1)
#define PBUF_POOL_SIZE                  (6)
#define DNS_TABLE_SIZE                  (1)

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
