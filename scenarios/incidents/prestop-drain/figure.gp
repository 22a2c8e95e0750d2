set title 'Requests that failed, of 600 a second'
set xlabel 'simulated time [s]'
set ylabel '1/s'
set xrange [0:8]
set yrange [0:350]
set key under maxrows 1 width -6
do for [i = 1:3] {
    set arrow i from 2*i - 1, graph 0 to 2*i - 1, graph 0.87 nohead ls 5
    set label i sprintf('old-%d is deleted', i) at 2*i - 1, graph 0.9 center
}
plot data index 'broken refused' with lines ls 1 title 'pre-stop=0s: refused', \
     data index 'exit reset' with lines ls 3 title 'on-sigterm=exit: reset, too', \
     data index 'fixed refused' with lines ls 2 title 'pre-stop=5s'
