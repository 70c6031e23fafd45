/*
 * crc32.h: the checksum of zip files (CRC-32 of ISO 3309, the polynomial 0x04c11db7 reflected).
 */
#ifndef SADDLE_BASE_CRC32_H
#define SADDLE_BASE_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of what `crc` is the checksum of (0: of nothing), followed by these bytes. */
uint32_t crc32_add(uint32_t crc, const void *bytes, size_t length);

#endif
