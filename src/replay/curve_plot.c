/* One document without scripts, fonts or other external resources, light or dark as the browser's
 * user prefers. All panels have the same axes, so that traces can be compared. Policies differ in
 * colour, in the shape of their marks and in dashes, and each mark has a tooltip with its
 * figure. */
#include "replay/curve_plot.h"

#include "replay/curve_axis.h"

#include "base/utf8.h"

#include <string.h>

#define LEGEND_HEIGHT 44
#define LEGEND_ENTRY  150
#define MARGIN_LEFT   64
#define MARGIN_RIGHT  24
#define MARGIN_TOP    34
#define MARGIN_BOTTOM 56
#define TITLE_MAX     64
#define MARK          4.5

static const char style[] =
	"<style>\n"
	"svg { font: 13px system-ui, sans-serif }\n"
	"text { fill: #24292f }\n"
	".ground { fill: #ffffff }\n"
	".name { font-weight: 600; font-size: 14px }\n"
	".small { fill: #57606a; font-size: 12px }\n"
	".grid { stroke: #e4e7eb; stroke-width: 1 }\n"
	".axis { stroke: #8c959f; stroke-width: 1 }\n"
	".curve { fill: none; stroke-width: 2; stroke-linejoin: round }\n"
	".mark { stroke: #ffffff; stroke-width: 1 }\n"
	".curve.p0 { stroke: #0b69b7 } .mark.p0 { fill: #0b69b7 }\n"
	".curve.p1 { stroke: #c2500a } .mark.p1 { fill: #c2500a }\n"
	".curve.p2 { stroke: #6e7781; stroke-dasharray: 6 4 } .mark.p2 { fill: #6e7781 }\n"
	"@media (prefers-color-scheme: dark) {\n"
	"text { fill: #e6e8eb }\n"
	".ground { fill: #16181c }\n"
	".small { fill: #a5adb7 }\n"
	".grid { stroke: #2b3037 }\n"
	".axis { stroke: #77808b }\n"
	".mark { stroke: #16181c }\n"
	".curve.p0 { stroke: #5aa9f0 } .mark.p0 { fill: #5aa9f0 }\n"
	".curve.p1 { stroke: #f0914a } .mark.p1 { fill: #f0914a }\n"
	".curve.p2 { stroke: #a5adb7 } .mark.p2 { fill: #a5adb7 }\n"
	"}\n"
	"</style>\n";

_Static_assert(SCI_REPLAY_POLICY_COUNT == 3, "a colour and a mark for each policy");

struct panel {
	const struct sci_replay_plan *plan;
	const struct sci_replay_figures *figures;
	unsigned order[SCI_REPLAY_LIMITS_MAX]; /* the plan's bounds, the smallest first */
	struct sci_axis x, y;
};

/* Append text that may come from a file name: characters that XML does not allow become U+FFFD. */
static void append_text(struct sci_buffer *out, const char *text, size_t len)
{
	for (size_t i = 0, step; i < len; i += step) {
		size_t valid = sci_utf8_length(text + i, len - i);
		step = valid ? valid : 1;
		if (text[i] == '<' || text[i] == '>' || text[i] == '&')
			sci_buffer_printf(out, "&#%d;", text[i]);
		else if (!valid || (unsigned char)text[i] < 0x20)
			sci_buffer_append(out, "\xEF\xBF\xBD", 3);
		else
			sci_buffer_append(out, text + i, step);
	}
}

static double miss_ratio(const struct panel *panel, unsigned limit, unsigned policy)
{
	const struct sci_replay_result *result =
		sci_replay_result_of(panel->figures, panel->plan, limit, policy);

	return 1 - (double)result->hits / (double)panel->figures->requests;
}

static void plot_mark(struct sci_buffer *out, enum sci_replay_policy policy, double x, double y)
{
	if (policy == SCI_REPLAY_ADAPTIVE)
		sci_buffer_printf(out,
			"<circle class=\"mark p%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\">", policy, x,
			y, MARK);
	else if (policy == SCI_REPLAY_LRU)
		sci_buffer_printf(out,
			"<path class=\"mark p%d\" d=\"M%.1f %.1fh%.1fv%.1fh-%.1fz\">", policy,
			x - MARK, y - MARK, 2 * MARK, 2 * MARK, 2 * MARK);
	else
		sci_buffer_printf(out,
			"<path class=\"mark p%d\" d=\"M%.1f %.1fl%.1f %.1fl-%.1f %.1fl-%.1f "
			"-%.1fz\">",
			policy, x, y - MARK, MARK, MARK, MARK, MARK, MARK, MARK);
}

static const char *mark_end(enum sci_replay_policy policy)
{
	return policy == SCI_REPLAY_ADAPTIVE ? "</circle>\n" : "</path>\n";
}

static void plot_curve(struct sci_buffer *out, const struct panel *panel, unsigned column)
{
	const struct sci_replay_plan *plan = panel->plan;
	enum sci_replay_policy policy = plan->policies[column];
	char label[SCI_TICK_LABEL_BYTES];

	sci_buffer_printf(out, "<polyline class=\"curve p%d\" points=\"", policy);
	for (unsigned i = 0; i < plan->limit_count; i++)
		sci_buffer_printf(out, "%s%.1f,%.1f", i ? " " : "",
			sci_axis_at(&panel->x, (double)plan->limits[panel->order[i]]),
			panel->y.length -
				sci_axis_at(&panel->y, miss_ratio(panel, panel->order[i], column)));
	sci_buffer_printf(out, "\"/>\n");
	for (unsigned i = 0; i < plan->limit_count; i++) {
		double miss = miss_ratio(panel, i, column);
		plot_mark(out, policy, sci_axis_at(&panel->x, (double)plan->limits[i]),
			panel->y.length - sci_axis_at(&panel->y, miss));
		sci_buffer_printf(out, "<title>%s, %s%s: %.2f %% missed</title>%s",
			sci_replay_policy_name(policy),
			sci_axis_size_label(label, plan->limits[i], plan->bytes),
			plan->bytes ? "" : " entries", 100 * miss, mark_end(policy));
	}
}

static void plot_axes(struct sci_buffer *out, const struct panel *panel)
{
	const struct sci_axis *x = &panel->x, *y = &panel->y;
	for (unsigned i = 0; i < x->tick_count; i++)
		sci_buffer_printf(out,
			"<path class=\"grid\" d=\"M%.1f 0v%.1f\"/>"
			"<text class=\"small\" x=\"%.1f\" y=\"%.1f\" "
			"text-anchor=\"middle\">%s</text>\n",
			sci_axis_at(x, x->ticks[i].value), y->length,
			sci_axis_at(x, x->ticks[i].value), y->length + 19, x->ticks[i].label);
	for (unsigned i = 0; i < y->tick_count; i++) {
		double at = y->length - sci_axis_at(y, y->ticks[i].value);
		sci_buffer_printf(out,
			"<path class=\"grid\" d=\"M0 %.1fh%.1f\"/>"
			"<text class=\"small\" x=\"-8\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
			at, x->length, at + 4, y->ticks[i].label);
	}
	sci_buffer_printf(out,
		"<path class=\"axis\" fill=\"none\" d=\"M0 0v%.1fh%.1f\"/>\n"
		"<text class=\"small\" x=\"%.1f\" y=\"%.1f\" "
		"text-anchor=\"middle\">%s</text>\n"
		"<text class=\"small\" transform=\"translate(-48 %.1f) rotate(-90)\" "
		"text-anchor=\"middle\">miss ratio</text>\n",
		y->length, x->length, x->length / 2, y->length + 40,
		panel->plan->bytes ? "max bytes (log scale)" : "max entries (log scale)",
		y->length / 2);
}

static void plot_panel(struct sci_buffer *out, const struct panel *panel, double left, double top)
{
	const char *path = panel->figures->path, *slash = strrchr(path, '/');
	const char *name = slash && slash[1] ? slash + 1 : path;
	size_t len = strlen(name) < TITLE_MAX ? strlen(name) : sci_utf8_cut(name, TITLE_MAX);

	sci_buffer_printf(out,
		"<g transform=\"translate(%.1f %.1f)\">\n<text class=\"name\" y=\"-12\">", left,
		top);
	append_text(out, name, len);
	sci_buffer_printf(out, "</text>\n");
	plot_axes(out, panel);
	/* Drawn in reverse order, so that the first policy is on top. */
	for (unsigned i = panel->plan->policy_count; i-- > 0;)
		plot_curve(out, panel, i);
	sci_buffer_printf(out, "</g>\n");
}

static void plot_legend(struct sci_buffer *out, const struct sci_replay_plan *plan)
{
	for (unsigned i = 0; i < plan->policy_count; i++) {
		enum sci_replay_policy policy = plan->policies[i];
		double x = MARGIN_LEFT + i * LEGEND_ENTRY, y = LEGEND_HEIGHT - 18;
		sci_buffer_printf(out, "<path class=\"curve p%d\" d=\"M%.1f %.1fh36\"/>\n", policy,
			x, y);
		plot_mark(out, policy, x + 18, y);
		sci_buffer_printf(out, "%s<text x=\"%.1f\" y=\"%.1f\">%s%s</text>\n",
			mark_end(policy), x + 44, y + 4, sci_replay_policy_name(policy),
			policy == SCI_REPLAY_OPT && plan->bytes ? " (bound)" : "");
	}
}

static void sort_limits(struct panel *panel)
{
	const uint64_t *limits = panel->plan->limits;

	for (unsigned i = 0; i < panel->plan->limit_count; i++) {
		unsigned at = i;
		for (; at > 0 && limits[panel->order[at - 1]] > limits[i]; at--)
			panel->order[at] = panel->order[at - 1];
		panel->order[at] = i;
	}
}

static double most_missed(struct panel panel, const struct sci_replay_figures *figures,
	size_t count)
{
	const struct sci_replay_plan *plan = panel.plan;
	double most = 0;

	for (size_t i = 0; i < count; i++) {
		panel.figures = &figures[i];
		for (unsigned j = 0; j < plan->limit_count * plan->policy_count; j++) {
			double miss =
				miss_ratio(&panel, j / plan->policy_count, j % plan->policy_count);
			most = miss > most ? miss : most;
		}
	}
	return most;
}

int sci_curve_plot(struct sci_buffer *out, const struct sci_replay_plan *plan,
	const struct sci_replay_figures *figures, size_t count)
{
	const size_t columns = count == 1 ? 1 : count <= 4 ? 2 : 3;
	const int width = count == 1 ? 720 : 520, height = count == 1 ? 440 : 330;
	struct panel panel = { .plan = plan };

	sort_limits(&panel);
	sci_axis_of_sizes(&panel.x, plan->limits[panel.order[0]],
		plan->limits[panel.order[plan->limit_count - 1]], plan->bytes,
		width - MARGIN_LEFT - MARGIN_RIGHT);
	sci_axis_of_shares(&panel.y, most_missed(panel, figures, count),
		height - MARGIN_TOP - MARGIN_BOTTOM);

	size_t rows = (count + columns - 1) / columns;
	unsigned long all_width = columns * (unsigned long)width;
	unsigned long all_height = LEGEND_HEIGHT + rows * (unsigned long)height;
	sci_buffer_printf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %lu %lu\" width=\"%lu\" "
		"height=\"%lu\">\n<title>Miss ratio by the size of the cache</title>\n%s"
		"<rect class=\"ground\" width=\"100%%\" height=\"100%%\"/>\n",
		all_width, all_height, all_width, all_height, style);
	plot_legend(out, plan);
	for (size_t i = 0; i < count; i++) {
		size_t row = i / columns, column = i % columns;
		panel.figures = &figures[i];
		plot_panel(out, &panel, (double)column * width + MARGIN_LEFT,
			(double)row * height + LEGEND_HEIGHT + MARGIN_TOP);
	}
	sci_buffer_printf(out, "</svg>\n");
	return sci_buffer_result(out);
}
