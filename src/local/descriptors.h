/* Close inherited descriptors, whose numbers are unknown. */
#ifndef SCI_LOCAL_DESCRIPTORS_H
#define SCI_LOCAL_DESCRIPTORS_H

/* Close every descriptor from `first` on, now or at execve(). For a child that was just forked. */
void sci_descriptors_close(int first);
void sci_descriptors_close_at_exec(int first);

#endif
