/* Writing records. */
#ifndef SCI_ENGINE_RECORD_WRITE_H
#define SCI_ENGINE_RECORD_WRITE_H

#include "engine/layout.h"

/* What an object weighs beside its record, in units. */
static inline uint32_t sci_content_weight_units(const struct sci_content *content)
{
	return (uint32_t)((content->weight + SCI_UNIT - 1) / SCI_UNIT);
}

/* The header of a record with this key and content. */
uint64_t sci_record_header_for(const struct sci_name *name, const struct sci_content *content);

/* Write all of a record but its links; its slot is set. */
void sci_record_write(struct sci_shard *shard, struct sci_record *record, uint64_t header,
	const struct sci_name *name, const struct sci_content *content, int64_t now_ms);

#endif
