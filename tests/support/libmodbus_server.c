/* A Modbus TCP server on libmodbus, the library of most embedded devices.
 *
 *   libmodbus_server PORT
 *
 * Holding registers 0..199 hold 3 x their address, input registers 0..49 hold 7 x theirs and
 * 50..99 floats, low word first, of half the address; coils and discrete inputs 0..99 are set
 * where the address is odd. Whatever lies beyond is refused with exception 2 by the library.
 */
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    modbus_t *line = modbus_new_tcp("127.0.0.1", argc > 1 ? atoi(argv[1]) : 1502);
    modbus_mapping_t *map = modbus_mapping_new(100, 100, 200, 100);
    int listener = modbus_tcp_listen(line, 1);
    if (listener < 0)
        return 1;
    for (int i = 0; i < 200; i++)
        map->tab_registers[i] = (uint16_t)(3 * i);
    for (int i = 0; i < 100; i++) {
        map->tab_bits[i] = map->tab_input_bits[i] = i & 1;
        map->tab_input_registers[i] = (uint16_t)(7 * i);
    }
    for (int i = 50; i < 100; i += 2)
        modbus_set_float(0.5f * i, &map->tab_input_registers[i]);
    puts("listening"), fflush(stdout);
    for (;;) {
        uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
        int length;
        if (modbus_tcp_accept(line, &listener) < 0)
            return 1;
        while ((length = modbus_receive(line, query)) >= 0)
            if (length > 0)
                modbus_reply(line, query, length, map);
        modbus_close(line);
    }
}
