set multiplot layout 2,1 margins 0.08,0.98,0.17,0.92 spacing 0,0.2
set xrange [0:40]
set object 1 rectangle from 10,graph 0 to 12,graph 1 fc rgb '#E8E8E8' fs solid noborder behind
set ylabel '1/s'
set title 'Requests of users that are answered, of 560'
set yrange [0:850]
set ytics 200
unset key
plot 560 with lines ls 5 notitle, \
     data index 'broken answered' with lines ls 1, data index 'fixed answered' with lines ls 2
set title 'Tries that reach the service, which can do 800'
set xlabel 'simulated time [s]; the spike is shaded'
set yrange [0:2700]
set ytics 800
set key right top maxrows 1
plot 800 with lines ls 5 notitle, \
     data index 'broken tries' with lines ls 1 title 'budget=100%', \
     data index 'fixed tries' with lines ls 2 title 'budget=10%'
unset multiplot
