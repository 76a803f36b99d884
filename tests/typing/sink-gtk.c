/* sink-gtk.c: GTK clients as tests type into them: an entry, or a text view.
 *
 * Arguments: "entry" or "view", then its title. Prints "window NUMBER" first. Return in the entry
 * prints its text as a line and empties it; in the view ctrl+Return does. A line on standard input
 * is the new content (a draft); the end of file ends it. */
#include <gdk/gdkx.h>
#include <gtk/gtk.h>
#include <stdio.h>
#include <string.h>

static GtkWidget *field;

static void print_text(const char *text) {
  printf("%s\n", text);
  fflush(stdout);
}

static void on_activate(GtkEntry *entry, gpointer data) {
  print_text(gtk_entry_get_text(entry));
  gtk_entry_set_text(entry, "");
}

static gboolean on_key(GtkWidget *widget, GdkEventKey *event, gpointer data) {
  GtkTextBuffer *buffer = gtk_text_view_get_buffer(GTK_TEXT_VIEW(widget));
  GtkTextIter from, to;

  if (event->keyval != GDK_KEY_Return || !(event->state & GDK_CONTROL_MASK))
    return FALSE;
  gtk_text_buffer_get_bounds(buffer, &from, &to);
  char *text = gtk_text_buffer_get_text(buffer, &from, &to, TRUE);
  print_text(text);
  g_free(text);
  gtk_text_buffer_set_text(buffer, "", 0);
  return TRUE;
}

static gboolean on_input(GIOChannel *channel, GIOCondition condition, gpointer data) {
  char *line = NULL;

  if (g_io_channel_read_line(channel, &line, NULL, NULL, NULL) != G_IO_STATUS_NORMAL) {
    gtk_main_quit();
    return FALSE;
  }
  g_strchomp(line);
  if (GTK_IS_ENTRY(field))
    gtk_entry_set_text(GTK_ENTRY(field), line);
  g_free(line);
  printf("set\n");
  fflush(stdout);
  return TRUE;
}

int main(int argc, char **argv) {
  gtk_init(&argc, &argv);
  if (argc < 3)
    return 2;
  GtkWidget *window = gtk_window_new(GTK_WINDOW_TOPLEVEL);
  gtk_window_set_title(GTK_WINDOW(window), argv[2]);
  gtk_window_set_default_size(GTK_WINDOW(window), 400, 80);
  if (strcmp(argv[1], "entry") == 0) {
    field = gtk_entry_new();
    gtk_entry_set_max_length(GTK_ENTRY(field), 0);
    g_signal_connect(field, "activate", G_CALLBACK(on_activate), NULL);
  } else {
    field = gtk_text_view_new();
    g_signal_connect(field, "key-press-event", G_CALLBACK(on_key), NULL);
  }
  gtk_container_add(GTK_CONTAINER(window), field);
  g_signal_connect(window, "destroy", G_CALLBACK(gtk_main_quit), NULL);
  gtk_widget_show_all(window);
  printf("window %lu\n", GDK_WINDOW_XID(gtk_widget_get_window(window)));
  fflush(stdout);
  g_io_add_watch(g_io_channel_unix_new(0), G_IO_IN | G_IO_HUP, on_input, NULL);
  gtk_main();
  return 0;
}
