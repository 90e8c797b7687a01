/* A line holds eight. A new ghost takes the place of an older one of the same key, an empty place, or that of
 * the oldest that is not pinned. Two of a line are pinned: a newcomer is while there are fewer, and else
 * takes the pin of the least used if it was used more.
 *
 * Prints meet once in thousands of lookups; then a new key inherits another's count, which does little harm. */
#include "engine/ghosts.h"

#include "engine/recency.h"
#include "engine/use_count.h"

#define PER_LINE 8u
#define PINNED   2u
#define PIN      (UINT32_C(1) << 16)

uint32_t sci_ghosts_lines(uint64_t entries)
{
	uint64_t lines = (entries * 2 + PER_LINE - 1) / PER_LINE;

	return lines > UINT32_MAX ? UINT32_MAX : lines ? (uint32_t)lines : 1;
}

void sci_ghosts_fit(struct sci_shard *shard, uint64_t entries)
{
	uint32_t lines = sci_ghosts_lines(entries);

	shard->ghost_lines_used = lines < shard->ghost_lines ? lines : shard->ghost_lines;
}

static sci_ghost *line_of(const struct sci_shard *shard, uint32_t hash)
{
	uint32_t line = (uint32_t)((uint64_t)(hash * 0x85EBCA6Bu) * shard->ghost_lines_used >> 32);

	return sci_ghost_lines(shard)[line].ghost;
}

static uint32_t print_of(uint32_t hash)
{
	uint32_t print = (hash ^ hash >> 15) * 0xC2B2AE35u >> 17;

	return print ? print : 1;
}

static bool has_print(sci_ghost ghost, uint32_t print)
{
	return ghost >> 17 == print;
}

static unsigned uses_of(const struct sci_shard *shard, sci_ghost ghost)
{
	return sci_uses_now(shard, sci_ghost_uses(ghost));
}

/* What a line has. */
struct survey {
	sci_ghost *same, *empty, *oldest, *least_used;
	unsigned pinned, age; /* of the oldest */
};

static void look_at_pinned(struct sci_shard *shard, struct survey *survey, sci_ghost *ghost,
	bool is_same)
{
	survey->pinned++;
	if (is_same)
		return;
	if (!survey->least_used || uses_of(shard, *ghost) < uses_of(shard, *survey->least_used))
		survey->least_used = ghost;
}

static struct survey survey_of(struct sci_shard *shard, sci_ghost *line, uint32_t print)
{
	struct survey survey = { NULL, NULL, NULL, NULL, 0, 0 };

	for (unsigned i = 0; i < PER_LINE; i++) {
		sci_ghost *ghost = &line[i];
		bool is_same = has_print(*ghost, print);
		if (!*ghost) {
			survey.empty = ghost;
			continue;
		}
		uint32_t tick = sci_ghost_tick(*ghost);
		unsigned age = sci_recency_age(shard, tick);
		if (age > SCI_AGE_MAX) {
			age = SCI_AGE_MAX;
			*ghost = sci_ghost_renewed(*ghost, sci_ghost_uses(*ghost),
				sci_recency_cap(shard, tick));
		}
		if (is_same)
			survey.same = ghost;
		if (sci_ghost_is_pinned(*ghost))
			look_at_pinned(shard, &survey, ghost, is_same);
		else if (!survey.oldest || age > survey.age) {
			survey.oldest = ghost;
			survey.age = age;
		}
	}
	return survey;
}

void sci_ghosts_add(struct sci_shard *shard, uint32_t hash, uint8_t uses, uint32_t tick)
{
	uint32_t print = print_of(hash);
	struct survey survey = survey_of(shard, line_of(shard, hash), print);
	sci_ghost *place = survey.same ? survey.same : survey.empty ? survey.empty : survey.oldest;
	bool pin = survey.same && sci_ghost_is_pinned(*survey.same);

	if (!pin && survey.pinned < PINNED) {
		pin = true;
	} else if (!pin && survey.least_used &&
		sci_uses_now(shard, uses) > uses_of(shard, *survey.least_used)) {
		*survey.least_used &= ~PIN;
		pin = true;
	}
	*place = sci_ghost_renewed(print << 17 | (pin ? PIN : 0), uses, tick);
	shard->ghosts_made++;
}

void sci_ghosts_prefetch(const struct sci_shard *shard, uint32_t hash)
{
	__builtin_prefetch(line_of(shard, hash), 1);
}

sci_ghost *sci_ghosts_find(const struct sci_shard *shard, uint32_t hash)
{
	sci_ghost *line = line_of(shard, hash);
	uint32_t print = print_of(hash);

	/* A cache that never was full touches none of them. */
	if (shard->ghosts_made == 0)
		return NULL;
	for (unsigned i = 0; i < PER_LINE; i++)
		if (has_print(line[i], print))
			return &line[i];
	return NULL;
}
