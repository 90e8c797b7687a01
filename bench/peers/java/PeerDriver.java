import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Caffeine as a subject: docs/benchmarks.md has the lines that a driver is told and answers.
 *
 * <p>Keys are strings, values are arrays of bytes, and a get hands out a reference. Maintenance runs on
 * the thread whose operation caused it, so that its time is in the figures.
 */
public final class PeerDriver {
	private static final int KEY_BYTES = 16;
	private static final int VALUE_BYTES = 64;
	private static final int PUT = 0x80000000;

	private Cache<String, byte[]> cache;
	private String[] keys = {};
	private byte[][] values = {};
	private int[] orders = {};
	/** What workers read, so that the compiler cannot do without reading. */
	private static volatile int sink;

	private static byte[] valueOf(int index) {
		return ByteBuffer.allocate(VALUE_BYTES).order(ByteOrder.LITTLE_ENDIAN).putInt(0, index).array();
	}

	private static String copyOf(String key) {
		return new String(key.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.ISO_8859_1);
	}

	private static Cache<String, byte[]> open(long entries, long bytes) {
		Caffeine<Object, Object> builder = Caffeine.newBuilder().executor(Runnable::run);
		if (bytes == 0) {
			return builder.maximumSize(entries).build();
		}
		return builder.maximumWeight(bytes)
				.weigher((String key, byte[] value) -> key.length() + value.length)
				.build();
	}

	/** Each entry gets a key and a value of its own: they are its memory. */
	private int fill() {
		for (int i = 0; i < keys.length; i++) {
			cache.put(copyOf(keys[i]), valueOf(i));
		}
		cache.cleanUp();
		int found = 0;
		for (int i = 0; i < keys.length; i++) {
			byte[] value = cache.getIfPresent(keys[i]);
			if (value != null && java.util.Arrays.equals(value, valueOf(i))) {
				found++;
			}
		}
		return found;
	}

	/** How threads begin together. */
	private static final class Start {
		private final int threads;
		private final CyclicBarrier barrier;
		private final AtomicInteger awake = new AtomicInteger();

		Start(int threads) {
			this.threads = threads;
			barrier = new CyclicBarrier(threads);
		}

		/**
		 * A thread that slept wakes up late, and long after those that did not: so all stay awake until
		 * the last is there.
		 */
		void together() {
			try {
				barrier.await();
			} catch (InterruptedException | BrokenBarrierException e) {
				throw new IllegalStateException(e);
			}
			awake.incrementAndGet();
			while (awake.get() < threads) {
				Thread.yield();
			}
		}
	}

	private final class Worker extends Thread {
		private final Start start;
		private final int first;
		private final int end;
		private final int passes;
		private long began;
		private long ended;
		private int hits;

		Worker(Start start, int first, int end, int passes) {
			this.start = start;
			this.first = first;
			this.end = end;
			this.passes = passes;
		}

		@Override
		public void run() {
			int sum = 0;
			start.together();
			began = System.nanoTime();
			for (int pass = 0; pass < passes; pass++) {
				sum += replay();
			}
			ended = System.nanoTime();
			sink = sum;
		}

		/** One pass. */
		private int replay() {
			int sum = 0;
			int found = 0;
			for (int i = first; i < end; i++) {
				int index = orders[i] & ~PUT;
				if ((orders[i] & PUT) != 0) {
					cache.put(keys[index], values[index]);
					continue;
				}
				byte[] value = cache.getIfPresent(keys[index]);
				if (value != null) {
					found++;
					sum += value[0];
				}
			}
			hits += found;
			return sum;
		}
	}

	private String run(int threads, int count, int passes) throws InterruptedException {
		if (threads < 1 || count > orders.length) {
			throw new IllegalArgumentException("there are " + orders.length + " orders");
		}
		Start start = new Start(threads);
		Worker[] workers = new Worker[threads];
		for (int i = 0; i < threads; i++) {
			workers[i] = new Worker(start, (int) ((long) count * i / threads),
					(int) ((long) count * (i + 1) / threads), passes);
			workers[i].start();
		}
		long began = Long.MAX_VALUE;
		long ended = Long.MIN_VALUE;
		long hits = 0;
		for (Worker worker : workers) {
			worker.join();
			began = Math.min(began, worker.began);
			ended = Math.max(ended, worker.ended);
			hits += worker.hits;
		}
		return (ended - began) + " " + hits;
	}

	private int readKeys(String path) throws IOException {
		String text = Files.readString(Path.of(path), StandardCharsets.ISO_8859_1);
		keys = new String[text.length() / KEY_BYTES];
		values = new byte[keys.length][];
		for (int i = 0; i < keys.length; i++) {
			keys[i] = copyOf(text.substring(i * KEY_BYTES, (i + 1) * KEY_BYTES));
			values[i] = valueOf(i);
		}
		return keys.length;
	}

	private int readOrders(String path) throws IOException {
		ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(Path.of(path)));
		orders = new int[bytes.capacity() / Integer.BYTES];
		bytes.order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().get(orders);
		return orders.length;
	}

	/** Twice: what is cleaned after the first is freed by the second. */
	private static void collect() {
		System.gc();
		System.gc();
	}

	private long timedOpen(long entries, long bytes) {
		cache = null;
		collect();
		long before = System.nanoTime();
		cache = open(entries, bytes);
		return System.nanoTime() - before;
	}

	private Object obey(String[] words) throws IOException, InterruptedException {
		switch (words[0]) {
		case "keys":
			return readKeys(words[1]);
		case "orders":
			return readOrders(words[1]);
		case "open":
			return timedOpen(Long.parseLong(words[1]), Long.parseLong(words[2]));
		case "fill":
			return fill();
		case "run":
			return run(Integer.parseInt(words[1]), Integer.parseInt(words[2]), Integer.parseInt(words[3]));
		case "settle":
			if (cache != null) {
				cache.cleanUp();
			}
			collect();
			return "";
		default:
			throw new IllegalArgumentException("unknown command " + words[0]);
		}
	}

	/** Caffeine's version is in the name of its archive. */
	private static String about() {
		String path = Caffeine.class.getProtectionDomain().getCodeSource().getLocation().getPath();
		String archive = path.substring(path.lastIndexOf('/') + 1).replace(".jar", "");
		return archive.replace('-', ' ') + ", Java " + System.getProperty("java.version");
	}

	public static void main(String[] arguments) throws IOException, InterruptedException {
		PeerDriver driver = new PeerDriver();
		BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
		System.out.println("ready " + about());
		for (String line = lines.readLine(); line != null; line = lines.readLine()) {
			try {
				System.out.println("ok " + driver.obey(line.split(" ")));
			} catch (RuntimeException | IOException e) {
				System.out.println("error " + e);
			}
		}
	}
}
